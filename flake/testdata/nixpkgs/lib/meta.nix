lib: {
  getName =
    x:
    if builtins.isString x then
      (builtins.parseDrvName x).name
    else
      x.pname or (builtins.parseDrvName x.name).name;
  getVersion =
    x:
    if builtins.isString x then
      (builtins.parseDrvName x).version
    else
      x.version or (builtins.parseDrvName x.name).version;
  getExe = pkg: lib.getExe' pkg (pkg.meta.mainProgram or (lib.getName pkg));
  getExe' = pkg: name: "${lib.getBin pkg}/bin/${name}";
  setPrio = priority: lib.addMetaAttrs { inherit priority; };
  lowPrio = lib.setPrio 10;
  hiPrio = lib.setPrio (-10);
  addMetaAttrs = attrs: pkg: pkg // { meta = (pkg.meta or { }) // attrs; };
  availableOn =
    platform: pkg: builtins.elem platform.system (pkg.meta.platforms or [ platform.system ]);
  licensesSpdx = { };
}
