# Assistants for the command line; 26.05 renamed some of their options.
{ declare, lib, since }:
with declare;
{ config, pkgs, ... }:
let
  texts = setOf (types.either types.lines types.path);
  context = opt (types.either types.lines types.path) "";
  newer = since "26.05";
in
{
  options.programs = {
    claude-code = plain pkgs "claude-code" // {
      settings = settings;
      mcpServers = setOf json;
      agents = texts;
      commands = texts;
      hooks = setOf types.lines;
      skills = texts;
    } // (
      if newer then
        {
          context = context;
          rules = texts;
          plugins = opt (types.listOf types.anything) [ ];
          marketplaces = settings;
          lspServers = settings;
          enableMcpIntegration = off;
        }
      else
        {
          memory = {
            text = maybe types.lines;
            source = maybe types.path;
          };
        }
    );
    codex = plain pkgs "codex" // {
      settings = settings;
    } // (if newer then { context = context; enableMcpIntegration = off; } else { custom-instructions = lines; });
    opencode = plain pkgs "opencode" // {
      settings = settings;
      agents = texts;
      commands = texts;
    } // (if newer then { context = context; enableMcpIntegration = off; } else { rules = context; });
    aider-chat = plain pkgs "aider-chat" // { settings = settings; };
  } // (
    if newer then
      {
        mcp = {
          enable = off;
          servers = setOf json;
        };
        antigravity-cli = {
          enable = off;
          settings = settings;
        };
      }
    else
      {
        gemini-cli = plain pkgs "gemini-cli" // { settings = settings; };
      }
  );
}
