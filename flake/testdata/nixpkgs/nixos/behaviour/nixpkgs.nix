# pkgs, from nixpkgs.*
{ declare, lib, since }:
{ config, options, ... }:
let
  cfg = config.nixpkgs;
  system =
    if options.nixpkgs.hostPlatform.isDefined then
      cfg.hostPlatform.system or cfg.hostPlatform
    else if options.nixpkgs.system.isDefined then
      cfg.system
    else
      throw "Neither nixpkgs.hostPlatform nor nixpkgs.system is set";
in
{
  _module.args = {
    pkgs =
      if options.nixpkgs.pkgs.isDefined then
        cfg.pkgs.appendOverlays cfg.overlays
      else
        import ../../pkgs {
          inherit system;
          inherit (cfg) overlays config;
        };
    utils = { };
  };
  assertions = [
    {
      assertion = options.nixpkgs.pkgs.isDefined -> cfg.config == { };
      message = "Your system configures nixpkgs with an externally created instance.\n`nixpkgs.config` options should be passed when creating the instance instead.";
    }
  ];
}
