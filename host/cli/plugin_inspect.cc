// `hostler plugin inspect FILE`: what the host would find in a plugin, for people or as JSON. Nothing of it is loaded here.
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "plugin/inspection.h"

namespace hostler::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out.empty() ? "none" : out;
}

std::string version(unsigned major, unsigned minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

Json to_document(const plugin::Inspection& found) {
  Json out;
  out["file"] = found.path;
  out["fine"] = found.problems.empty();
  out["problems"] = found.problems;
  if (found.path.empty()) return out;
  out["owner"] = found.owner;
  out["mode"] = found.mode;
  out["bytes"] = found.bytes;
  out["sha256"] = found.sha256;
  if (found.elf) {
    out["elf"] = {{"machine", found.elf->machine}, {"build_id", found.elf->build_id},
                  {"soname", found.elf->soname},   {"runpath", found.elf->runpath},
                  {"needs", found.elf->needed},    {"exports", found.elf->exports}};
  }
  if (!found.description) return out;
  const auto& said = *found.description;
  out["abi"] = {{"built", version(said.abi_major, said.abi_minor_built)},
                {"required", version(said.abi_major, said.abi_minor_required)}};
  out["handlers"] = Json::array();
  for (const auto& handler : said.handlers) {
    Json schema;
    if (!handler.config_schema.empty()) schema = Json::parse(handler.config_schema, nullptr, false);
    if (schema.is_discarded()) schema = handler.config_schema;
    out["handlers"].push_back({{"id", handler.id},
                               {"version", handler.version},
                               {"description", handler.description},
                               {"flags", plugin::flag_names(handler.flags)},
                               {"event_types", handler.event_types},
                               {"config_schema", schema}});
  }
  return out;
}

void line(const char* name, const std::string& text) {
  if (!text.empty()) std::printf("%-12s  %s\n", name, plugin::one_line(text, 4000).c_str());
}

void print_lines(const plugin::Inspection& found) {
  if (!found.path.empty()) {
    line("file", found.path);
    line("permissions", "owner " + found.owner + ", mode " + found.mode);
    line("size", std::to_string(found.bytes) + " bytes");
    line("sha256", found.sha256);
  }
  if (found.elf) {
    line("machine", found.elf->machine);
    line("build id", found.elf->build_id);
    line("soname", found.elf->soname);
    line("runpath", found.elf->runpath);
    line("needs", joined(found.elf->needed));
    line("exports", joined(found.elf->exports));
  }
  if (found.description) {
    const auto& said = *found.description;
    line("plugin API", "built for " + version(said.abi_major, said.abi_minor_built) + ", needs " +
                           version(said.abi_major, said.abi_minor_required));
    for (const auto& handler : said.handlers) {
      line("handler", handler.id + " " + handler.version +
                          (handler.description.empty() ? "" : " - " + handler.description));
      line("  flags", joined(plugin::flag_names(handler.flags)));
      line("  events", handler.event_types.empty() ? "all" : handler.event_types);
      line("  config", handler.config_schema);
    }
  }
  for (const std::string& problem : found.problems) line("WRONG", problem);
  if (found.problems.empty()) std::puts("fine: the host would load it");
}

} // namespace

int run_plugin_inspect(const PluginInspectOptions& options) {
  const auto found = plugin::inspect_plugin(options.file, {});
  if (options.json) {
    std::puts(to_document(found).dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    print_lines(found);
  }
  return found.problems.empty() ? exit_fine : exit_not_fine;
}

} // namespace hostler::cli
