{
  imports = [ ../profiles/minimal.nix ];
  boot.isContainer = true;
  boot.postBootCommands = "# the closure of the image is registered here";
  networking.firewall.enable = false;
  services.openssh.startWhenNeeded = false;
}
