# What hosts/HOST/facts.json says of a machine that already exists, as a module
# of the host layer: a rendered system has to boot where the old one did, and
# let the same people in.
lib: machine:
let
  layer = import ./priorities.nix lib;
  inherit (machine) facts;
  loader = facts.boot_loader or "unknown";
  efi = facts.firmware or "" == "efi";
  mounts = facts.mounts or { };
  disks = facts.boot_devices or [ ];
  # Each disk of a mirror can be booted from. The list adds up with `device`.
  more = lib.drop 1 disks;
  esp = lib.findFirst (at: (mounts.${at}.type or "") == "vfat") null [
    "/boot/efi"
    "/efi"
    "/boot"
  ];

  account = facts.user or { };
  login = machine.user or "root";
  keys = account.keys or [ ];
  # NixOS-WSL makes its default user the uid 1000, so who has that is the one.
  wslUser = machine.configuration == "wsl" && account.uid or 0 == 1000;
  # A user that no module makes a user of must not be given an attribute: NixOS
  # would refuse it as half an account.
  declared = lib.elem (account.name or "") (
    [
      "root"
      login
    ]
    ++ builtins.attrNames (machine.users or { })
  );
in
{
  _file = "hosts/${machine.hostName or machine.target}/facts.json";
  config = lib.mkMerge [
    (lib.optionalAttrs (facts ? system) { nixpkgs.hostPlatform = layer.host facts.system; })
    (lib.optionalAttrs (facts ? state_version) {
      system.stateVersion = layer.host facts.state_version;
    })

    (lib.optionalAttrs ((facts.kind or "machine") == "container") {
      boot.isContainer = layer.host true;
    })

    (lib.optionalAttrs (loader == "systemd-boot") {
      boot.loader.systemd-boot.enable = layer.host true;
      boot.loader.grub.enable = layer.host false;
    })
    (lib.optionalAttrs (loader == "grub") {
      boot.loader.systemd-boot.enable = layer.host false;
      boot.loader.grub = {
        enable = layer.host true;
        efiSupport = layer.host efi;
        # Found by every firmware, also by one that has forgotten its entries.
        efiInstallAsRemovable = layer.host efi;
        # An EFI machine need not have the partition that grub's first stage
        # would go to.
        device = layer.host (if efi || disks == [ ] then "nodev" else lib.head disks);
        devices = lib.mkIf (!efi && more != [ ]) more;
      };
    })
    (lib.optionalAttrs (loader == "extlinux") {
      boot.loader.generic-extlinux-compatible.enable = layer.host true;
      boot.loader.systemd-boot.enable = layer.host false;
      boot.loader.grub.enable = layer.host false;
    })
    (lib.optionalAttrs (loader == "unknown" && disks != [ ]) {
      boot.loader.grub.device = layer.host (lib.head disks);
      boot.loader.grub.devices = lib.mkIf (more != [ ]) more;
    })
    (lib.optionalAttrs (efi && esp != null) {
      boot.loader.efi.efiSysMountPoint = layer.host esp;
    })

    (lib.optionalAttrs wslUser { nixdeploy.wsl.adopted = layer.host account.name; })
    (lib.optionalAttrs (declared && keys != [ ]) {
      users.users.${account.name}.openssh.authorizedKeys = { inherit keys; };
    })
    (lib.optionalAttrs (declared && account.name != "root" && account ? uid) {
      users.users.${account.name}.uid = layer.host account.uid;
    })
    # Adopted as root, deployed as somebody who is equivalent to root: whoever
    # could come in stays able to.
    (lib.optionalAttrs ((account.name or "") == "root" && login != "root" && keys != [ ]) {
      users.users.${login}.openssh.authorizedKeys = { inherit keys; };
    })
  ];
}
