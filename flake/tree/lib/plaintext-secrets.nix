# Which files below a folder look like plain secrets: what is in a flake, every
# user of a host can read.
#
#   scan ./.   gives   [ "modules/custom/web.nix: a private key" ... ]
#
# Text is searched for what tokens and keys look like; a file in a folder called
# `secrets` has to be encrypted, with sops or age. Nix can read no file with a
# NUL in it, so that files of other kinds are left to the check
# `plaintext-secrets` of the flake.
lib:
let
  # By a fixed part, which is cheap to search for, and the whole form: a line
  # that only speaks of a token is none.
  forms = [
    {
      what = "a private key";
      part = "PRIVATE KEY--";
      form = ".*-----BEGIN ([A-Z]+ )?PRIVATE KEY-----.*";
    }
    {
      what = "an age identity";
      part = "AGE-SECRET-KEY-1";
      form = ".*AGE-SECRET-KEY-1[0-9A-Z]{20}.*";
    }
    {
      what = "a Tailscale key";
      part = "tskey-";
      form = ".*tskey-[a-z]+-[0-9A-Za-z]{8}.*";
    }
    {
      what = "a GitHub token";
      part = "github_pat_";
      form = ".*github_pat_[0-9A-Za-z_]{30}.*";
    }
    {
      what = "a GitHub token";
      part = "ghp_";
      form = ".*ghp_[0-9A-Za-z]{30}.*";
    }
    {
      what = "an AWS key";
      part = "AKIA";
      form = ".*AKIA[0-9A-Z]{16}.*";
    }
    {
      what = "a Slack token";
      part = "xox";
      form = ".*xox[bap]-[0-9A-Za-z-]{10}.*";
    }
    {
      what = "an Anthropic key";
      part = "sk-ant-";
      form = ".*sk-ant-[0-9A-Za-z-]{10}.*";
    }
  ];

  textual =
    name: builtins.match ".*[.](nix|json|toml|ya?ml|env|ini|conf|txt|md|sh|pem|key)" name != null;
  # What says who may read a secret, and is none.
  rules = name: builtins.match ".*[.](nix|pub|md)|[.]sops[.]yaml" name != null;

  # Not with a regular expression: Nix's run out of stack on long texts.
  holds = part: text: builtins.replaceStrings [ part ] [ "" ] text != text;

  matches =
    text: one:
    holds one.part text
    && lib.any (line: builtins.match one.form line != null) (lib.splitString "\n" text);

  encrypted =
    text:
    lib.hasPrefix "age-encryption.org/v1" text
    || lib.hasPrefix "-----BEGIN AGE ENCRYPTED FILE-----" text
    || (holds "ENC[AES256_GCM,data:" text && holds "mac" text);

  judge =
    at: path: name: secret:
    let
      text = builtins.readFile path;
      hit = lib.findFirst (matches text) null forms;
    in
    if !textual name || encrypted text then
      [ ]
    else if secret && !rules name then
      [ "${at}: in a folder of secrets, and not encrypted" ]
    else
      lib.optional (hit != null) "${at}: ${hit.what}";

  walk =
    at: folder: secret:
    lib.concatLists (
      lib.mapAttrsToList (
        name: type:
        let
          here = if at == "" then name else "${at}/${name}";
          path = folder + "/${name}";
        in
        if type == "directory" then
          walk here path (secret || name == "secrets")
        else if type == "regular" then
          judge here path name secret
        else
          [ ]
      ) (builtins.readDir folder)
    );
in
root: walk "" root false
