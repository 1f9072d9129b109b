lib:
let
  known = [
    "x86_64-linux"
    "aarch64-linux"
  ];
in
{
  elaborate =
    arg:
    let
      system = if builtins.isAttrs arg then arg.system else arg;
      cpu = builtins.head (lib.splitString "-" system);
    in
    if !(builtins.elem system known) then
      throw "Unknown CPU type or kernel in system '${system}': the stand-in knows ${lib.concatStringsSep " and " known}"
    else
      {
        inherit system;
        config = "${cpu}-unknown-linux-gnu";
        isLinux = true;
        isDarwin = false;
        isx86_64 = cpu == "x86_64";
        isx86 = cpu == "x86_64";
        isAarch64 = cpu == "aarch64";
        isAarch = cpu == "aarch64";
        is64bit = true;
        isEfi = true;
        parsed.cpu.name = cpu;
        linuxArch = if cpu == "aarch64" then "arm64" else cpu;
        canExecute = other: other.system == system;
        __toString = _: system;
      };
  flakeExposed = known;
  doubles.all = known;
  inspect.patterns = { };
}
