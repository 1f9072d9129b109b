# Which files below a folder look like plain secrets: what is in a flake, every
# user of a host can read.
#
#   scan ./.   gives   [ "modules/custom/web.nix: a private key" ... ]
#
# Text is searched for what tokens and keys look like; a file in a folder called
# `secrets` has to be encrypted, with sops or age. Nix can read no file with a
# NUL in it, so that files whose names do not tell that they are text are left to
# the check `plaintext-secrets` of the flake, and in a folder of secrets those
# that are called *.age.
lib:
let
  forms =
    map
      (
        line:
        let
          columns = lib.splitString "\t" line;
        in
        {
          what = builtins.elemAt columns 0;
          parts = lib.splitString "|" (builtins.elemAt columns 1);
          form = ".*(${builtins.elemAt columns 2}).*";
        }
      )
      (
        lib.filter (line: line != "" && !lib.hasPrefix "#" line) (
          lib.splitString "\n" (builtins.readFile ./secret-forms.txt)
        )
      );

  textual =
    name: builtins.match ".*[.](nix|json|toml|ya?ml|env|ini|conf|txt|md|sh|pem|key)" name != null;
  # What says who may read a secret, and is none.
  rules =
    name: builtins.match ".*[.](nix|pub|md)|[.]sops[.]yaml|[.]git(ignore|attributes|keep)" name != null;

  # Not with a regular expression: Nix's run out of stack on long texts.
  holds = part: text: builtins.replaceStrings [ part ] [ "" ] text != text;

  # A long line in pieces, for the same reason: no form is longer than what two
  # of them share.
  pieces =
    line:
    lib.genList (n: builtins.substring (n * 1500) 2000 line) (builtins.stringLength line / 1500 + 1);

  matches =
    text: one:
    let
      may = text: lib.any (part: holds part text) one.parts;
    in
    may text
    && lib.any (piece: builtins.match one.form piece != null) (
      lib.concatMap pieces (lib.filter may (lib.splitString "\n" text))
    );

  sealed =
    text:
    lib.hasPrefix "age-encryption.org/v1" text
    || lib.hasPrefix "-----BEGIN AGE ENCRYPTED FILE-----" text;

  judge =
    at: path: name: secret:
    let
      text = builtins.readFile path;
      hit = lib.findFirst (matches text) null forms;
      readable = textual name || (secret && !lib.hasSuffix ".age" name);
    in
    if !readable || sealed text then
      [ ]
    else if hit != null then
      [ "${at}: ${hit.what}" ]
    else
      # Of a file of sops only the values are encrypted.
      lib.optional (
        secret && !rules name && !holds "ENC[AES256_GCM,data:" text
      ) "${at}: in a folder of secrets, and not encrypted";

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
