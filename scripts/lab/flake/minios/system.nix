# One system: what `nixosConfigurations.NAME` is on NixOS, as far as a deployer
# can tell the difference. Names of store paths and files are NixOS's.
{ hostName
, version ? "24.11.20241201.abcdef1"
, release ? "24.11"
, kernelVersion ? "6.6.63"
, kernelPanics ? false      # the kernel does not come up
, kernelParams ? [ "loglevel=4" ]
, bootLoader ? ""           # systemd-boot, grub, extlinux or none; "": the one that the machine has
, bootDevice ? "/dev/sda"   # the disk that GRUB is on
, systemdVersion ? "256.10" # another one makes a switch re-execute systemd
, configurationRevision ? null
, units ? { }               # { "app.service" = { text = "..."; wantedBy = [ "multi-user.target" ]; }; }
, etc ? { }                 # { "motd" = "text"; }
, packages ? [ ]            # [ { name = "hello"; version = "1.0"; size = 1000; } ]
, activation ? ""           # more shell for the activation script
, initInterface ? "2"       # a switch to another one exits 100
, buildFailure ? false
, buildSeconds ? 0
, buildWaitsFor ? ""        # a file on the building machine, until which the build does not end
, evalFailure ? false
, switchEnabled ? true      # system.switch.enable
, checkFailure ? false      # a pre-switch check that refuses (activator rust)
, inhibitors ? { }          # system.switch.inhibitors (activator rust)
, bootMessage ? ""          # what the boot loader's installer says, after its work
  # bash: nixos-rebuild of 25.05 and older. ng: the Python one; it needs nix 2.9.
, rebuild ? (if builtins.compareVersions builtins.nixVersion "2.9" < 0 then "bash" else "ng")
  # perl: waits for the lock, outlives a closed stderr. rust: does neither.
, activator ? (if rebuild == "ng" then "rust" else "perl")
, ...
}@host:
let
  inherit (import ./derive.nix) system run text script lines mapLines;
  faults = import ./faults.nix host;
  refToName = builtins.replaceStrings [ "/" ] [ "-" ];

  stockUnits = {
    "multi-user.target".text = "[Unit]\nDescription=Multi-User System\nRequires=basic.target\nConflicts=rescue.service rescue.target\nAfter=basic.target rescue.service rescue.target\nAllowIsolate=yes\n";
    "sysinit-reactivation.target".text = "[Unit]\nDescription=Reactivate sysinit units\n";
    "default.target".alias = "multi-user.target";
  };
  unitFile = name: unit: run "unit-${name}" { inherit (unit) text; passAsFile = [ "text" ]; } ''
    mkdir $out
    cp "$textPath" "$out/${name}"
  '';
  wants = name: target: ''
    mkdir -p "$out/${target}.wants"
    ln -s "../${name}" "$out/${target}.wants/${name}"
  '';
  systemUnits = run "system-units" { } ("mkdir $out\n" + mapLines
    (name: unit:
      if unit ? alias then ''ln -s ${unit.alias} "$out/${name}"''
      else ''ln -s ${unitFile name unit}/${name} "$out/${name}"'' + "\n" + lines (map (wants name) (unit.wantedBy or [ ])))
    (stockUnits // units // faults.units));
  userUnits = run "user-units" { } ''
    mkdir $out
    printf '[Unit]\nDescription=Run user-specific NixOS activation\n[Service]\nType=oneshot\nExecStart=/bin/true\n' > $out/nixos-activation.service
  '';

  osRelease = lines [
    "ANSI_COLOR=\"1;34\""
    "BUILD_ID=\"${version}\""
    "ID=nixos"
    "NAME=NixOS"
    "PRETTY_NAME=\"NixOS ${release} (Vicuna)\""
    "VERSION=\"${release} (Vicuna)\""
    "VERSION_CODENAME=vicuna"
    "VERSION_ID=\"${release}\""
    ""
  ];
  etcFiles = { "NIXOS" = ""; "os-release" = osRelease; "lsb-release" = "DISTRIB_ID=nixos\n"; "fstab" = ""; } // etc;
  etcTree = run "etc" { } (''
    mkdir -p $out/etc/systemd
    ln -s ${systemUnits} $out/etc/systemd/system
    ln -s ${userUnits} $out/etc/systemd/user
    ln -s ${text "systemd-system.conf" "[Manager]\nDefaultEnvironment=PATH=${systemd}/bin\n"} $out/etc/systemd/system.conf
  '' + mapLines
    (name: content: ''
      mkdir -p "$(dirname "$out/etc/${name}")"
      ln -s ${text "etc-${refToName name}" content} "$out/etc/${name}"
    '')
    etcFiles);

  # systemd alone: what a unit without a PATH of its own finds, as on NixOS.
  systemd = run "systemd-${systemdVersion}" { } ''
    mkdir -p $out/bin $out/lib
    ln -s /usr/lib/systemd $out/lib/systemd
    ln -s /usr/bin/systemd-* /usr/bin/*ctl $out/bin/
    rm -f $out/bin/systemd-detect-virt
    install -m 755 ${./detect-virt.sh} $out/bin/systemd-detect-virt
  '';
  package = p: run "${p.name}-${p.version}" { } ''
    mkdir -p $out/bin
    printf '#!/bin/sh\necho ${p.name} ${p.version}\n' > $out/bin/${p.name}
    chmod +x $out/bin/${p.name}
    head -c ${toString (p.size or 1000)} /dev/zero > $out/blob
  '';
  nixosVersion = script "nixos-version" ''
    #!/bin/sh
    case "''${1-}" in
      --hash|--revision) echo abcdef1 ;;
      --configuration-revision) ${if configurationRevision == null then ''echo "$0: configuration revision is unknown" >&2; exit 1'' else "echo ${configurationRevision}"} ;;
      --json) echo '${builtins.toJSON ({ nixosVersion = version; nixpkgsRevision = "abcdef1"; } // (if configurationRevision == null then { } else { inherit configurationRevision; }))}' ;;
      *) echo "${version} (Vicuna)" ;;
    esac
  '';
  # readlink -f of sw/bin/nixos-rebuild tells which one a host has, by this name.
  nixosRebuild = run (if rebuild == "ng" then "nixos-rebuild-ng-25.11" else "nixos-rebuild") { source = ./nixos-rebuild.bash; } ''
    mkdir -p $out/bin
    [ ! -e /etc/lab/nixos-rebuild ] || source=/etc/lab/nixos-rebuild
    sed 's/@personality@/${rebuild}/' $source > $out/bin/nixos-rebuild
    chmod +x $out/bin/nixos-rebuild
  '';
  # What would ask hardware that a lab host does not have.
  machineTools = run "machine-tools" { generate = ./nixos-generate-config.py; lsblk = ./lsblk.sh; } ''
    mkdir $out
    install -m 755 $generate $out/nixos-generate-config
    install -m 755 $lsblk $out/lsblk
  '';
  # Hundreds of links, the same in each version: built once, and kept by the links to it.
  tools = run "tools" { } ''
    mkdir -p $out/bin
    found=
    for tool in ${import ./tools.nix}; do
      if [ -e "/usr/bin/$tool" ]; then found="$found /usr/bin/$tool"
      elif [ -e "/usr/sbin/$tool" ]; then found="$found /usr/sbin/$tool"
      fi
    done
    ln -s $found $out/bin/
    ln -sf ${systemd}/bin/* ${machineTools}/nixos-generate-config ${machineTools}/lsblk $out/bin/
  '';
  systemPath = run "system-path" { } ''
    mkdir -p $out/bin
    ln -s ${tools}/bin/* $out/bin/
    ln -s ${nixosVersion} $out/bin/nixos-version
    ln -s ${nixosRebuild}/bin/nixos-rebuild $out/bin/nixos-rebuild
    ${lines (map (p: "ln -sf ${package p}/bin/* $out/bin/") packages)}
  '';

  kernel = run "linux-${kernelVersion}" { } ''
    mkdir -p $out/lib/modules/${kernelVersion}
    echo "kernel ${kernelVersion}${if kernelPanics then " panics" else ""}" > $out/bzImage
  '';
  modules = run "kernel-modules-${kernelVersion}" { } ''
    mkdir -p $out/lib/modules
    ln -s ${kernel}/lib/modules/${kernelVersion} $out/lib/modules/
  '';
  initrd = run "initrd-linux-${kernelVersion}" { } ''
    mkdir $out
    echo "initrd of ${kernel}" > $out/initrd
  '';
  installBootLoader = run "install-boot-loader" { source = ./install-boot-loader.py; inherit bootMessage bootLoader bootDevice; } ''
    sed -e "s|@bootMessage@|$bootMessage|" -e "s|@bootLoader@|$bootLoader|" -e "s|@bootDevice@|$bootDevice|" $source > $out
    chmod +x $out
  '';
  preSwitchChecks = script "pre-switch-checks" (import ./pre-switch-checks.nix { inherit checkFailure inhibitors; });
  activate = run "activate" { source = ./activate.sh; activation = activation + "\n" + faults.activation; passAsFile = [ "activation" ]; } ''
    sed -e "/@activation@/{
      r $activationPath
      d
    }" $source > $out
    chmod +x $out
  '';

  bootspec = builtins.toJSON {
    "org.nixos.bootspec.v1" = {
      init = "@out@/init";
      initrd = "${initrd}/initrd";
      kernel = "${kernel}/bzImage";
      inherit kernelParams;
      label = "NixOS Vicuna ${version} (Linux ${kernelVersion})";
      inherit system;
      toplevel = "@out@";
    };
    "org.nixos.specialisation.v1" = { };
  };
  toplevel = run "nixos-system-${hostName}-${version}" {
    activatorSource = ./switch-to-configuration.py;
    inherit bootspec;
    passAsFile = [ "bootspec" ];
  } ''
    ${if buildFailure then "echo 'lab: this build fails on purpose' >&2; exit 1" else ""}
    ${if buildSeconds > 0 then "sleep ${toString buildSeconds}" else ""}
    ${if buildWaitsFor != "" then "until [ -e '${buildWaitsFor}' ]; do sleep 0.05; done" else ""}
    mkdir -p $out/bin $out/specialisation
    ln -s ${kernel}/bzImage $out/kernel
    ln -s ${modules} $out/kernel-modules
    ln -s ${initrd}/initrd $out/initrd
    ln -s ${systemPath} $out/sw
    ln -s ${etcTree}/etc $out/etc
    ln -s ${systemd} $out/systemd
    printf '%s' '${builtins.concatStringsSep " " kernelParams}' > $out/kernel-params
    printf '%s' "${version}" > $out/nixos-version
    printf '%s' "${system}" > $out/system
    printf '%s' "${initInterface}" > $out/init-interface-version
    cp ${activate} $out/activate
    printf '#!/bin/sh\nexit 0\n' > $out/dry-activate
    printf '#!/bin/sh\nexec ${systemd}/lib/systemd/systemd\n' > $out/init
    chmod +x $out/dry-activate $out/init
    sed "s|@out@|$out|g" "$bootspecPath" > $out/boot.json
    ${if inhibitors == { } then "" else "printf '%s' '${builtins.toJSON inhibitors}' > $out/switch-inhibitors"}
    ${if !switchEnabled then "exit 0" else ""}
    [ ! -e /etc/lab/switch-to-configuration ] || activatorSource=/etc/lab/switch-to-configuration
    # The names of the placeholders are those of NixOS's own file, so that a real one can be put in its place.
    sed -e "s|@out@|$out|g" -e "s|@toplevel@|$out|g" -e 's|@activator@|${activator}|g' \
        -e 's|@installBootLoader@|${installBootLoader}|g' -e 's|@preSwitchCheck@|${preSwitchChecks}|g' \
        -e 's|@perl@|/usr|g' -e 's|@systemd@|/usr|g' -e 's|@localeArchive@||g' -e 's|@distroId@|nixos|g' \
        -e 's|@coreutils@|/usr|g' -e 's|@utillinux@|/usr|g' -e 's|@su@|/usr/bin/su|g' -e 's|@shell@|/bin/sh|g' -e 's|@bash@|/usr|g' \
        $activatorSource > $out/bin/switch-to-configuration
    chmod +x $out/bin/switch-to-configuration
  '';
in {
  _type = "configuration";
  class = "nixos";
  options = { };
  pkgs = { inherit system; };
  config = {
    networking.hostName = hostName;
    nixpkgs.hostPlatform = { inherit system; };
    system.nixos = { inherit version release; };
    system.stateVersion = release;
    system.build = {
      toplevel =
        if evalFailure
        then throw "lab: The option `services.nope' does not exist. Definition values:\n- In `/etc/nixos/configuration.nix'"
        else toplevel;
      nixos-rebuild = nixosRebuild;
      etc = etcTree;
      inherit kernel initrd;
    };
  };
}
