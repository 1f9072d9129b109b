# Services that the sample fleet and people's overrides turn on
{ declare, lib, since }:
with declare;
{ ... }:
{
  options.services = {
    nginx = {
      enable = off;
      recommendedTlsSettings = off;
      recommendedProxySettings = off;
      virtualHosts = subsOf {
        serverAliases = strings;
        root = maybe types.path;
        default = off;
        enableACME = off;
        forceSSL = off;
        locations = subsOf {
          root = maybe types.path;
          proxyPass = maybe types.str;
          return = maybe (types.oneOf [ types.str types.int ]);
        };
      };
    };
    postgresql = {
      enable = off;
      ensureDatabases = strings;
    };
  };
}
