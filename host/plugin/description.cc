#include "plugin/description.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace hostler::plugin {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t most_handlers = 1000; // more is a table that was read wrong

std::string version(unsigned major, unsigned minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

std::string text_of(hostler_str s) { return s.data == nullptr ? std::string() : std::string(s.data, s.len); }

} // namespace

core::Status<> check_table(const hostler_plugin* table) {
  const std::string ours = version(HOSTLER_ABI_MAJOR, HOSTLER_ABI_MINOR);
  const std::string mend = "; build the plugin against the plugin API " + ours + " or use a host that fits";
  if (table == nullptr)
    return core::Error{
        "hostler_plugin_entry_v1 returned null; return the address of a static hostler_plugin"};
  if (!HOSTLER_HAS(table, hostler_plugin, create)) {
    return core::Error{"its plugin table is " + std::to_string(table->struct_size) +
                       " bytes, too small for plugin API " + ours + mend};
  }
  if (table->abi_major != HOSTLER_ABI_MAJOR ||
      (HOSTLER_ABI_MAJOR == 0 && table->abi_minor_built != HOSTLER_ABI_MINOR)) {
    return core::Error{"built for plugin API " + version(table->abi_major, table->abi_minor_built) +
                       ", this host has " + ours + mend};
  }
  if (table->abi_minor_required > HOSTLER_ABI_MINOR) {
    return core::Error{"needs plugin API " + version(table->abi_major, table->abi_minor_required) +
                       ", this host has " + ours + mend};
  }
  if (table->handler_count == nullptr || table->handler_at == nullptr || table->create == nullptr) {
    return core::Error{"handler_count, handler_at or create is null in its plugin table; fill them in"};
  }
  return core::Status<>::success();
}

core::Result<PluginDescription> describe(const hostler_plugin& table) {
  PluginDescription out{table.abi_major, table.abi_minor_built, table.abi_minor_required, {}};
  const std::uint32_t count = table.handler_count();
  if (count == 0 || count > most_handlers) {
    return core::Error{"handler_count says " + std::to_string(count) + "; a plugin has 1 to " +
                       std::to_string(most_handlers) + " handlers"};
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto* desc = table.handler_at(i);
    if (desc == nullptr || !HOSTLER_HAS(desc, hostler_handler_desc, event_types) || desc->id.len == 0) {
      return core::Error{"handler_at(" + std::to_string(i) +
                         ") returned no description with an id; handler_count says " + std::to_string(count)};
    }
    HandlerDescription handler{text_of(desc->id), text_of(desc->version),     text_of(desc->description),
                               desc->flags,       text_of(desc->event_types), text_of(desc->config_schema)};
    for (const auto& other : out.handlers) {
      if (other.id == handler.id)
        return core::Error{"has two handlers with the id " + one_line(handler.id, 100) +
                           "; ids are unique in a plugin"};
    }
    out.handlers.push_back(std::move(handler));
  }
  return out;
}

std::string to_json(const core::Result<PluginDescription>& description) {
  Json document;
  if (!description) {
    document["error"] = description.error().message;
  } else {
    document["abi"] = {description->abi_major, description->abi_minor_built, description->abi_minor_required};
    document["handlers"] = Json::array();
    for (const auto& h : description->handlers) {
      document["handlers"].push_back({{"id", h.id},
                                      {"version", h.version},
                                      {"description", h.description},
                                      {"flags", h.flags},
                                      {"event_types", h.event_types},
                                      {"config_schema", h.config_schema}});
    }
  }
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

core::Result<PluginDescription> from_json(std::string_view text) {
  try {
    const auto document = Json::parse(text);
    if (document.contains("error")) return core::Error{document.at("error").get<std::string>()};
    PluginDescription out;
    const auto abi = document.at("abi").get<std::array<unsigned, 3>>();
    std::tie(out.abi_major, out.abi_minor_built, out.abi_minor_required) = std::tie(abi[0], abi[1], abi[2]);
    for (const auto& h : document.at("handlers")) {
      out.handlers.push_back({h.at("id").get<std::string>(), h.at("version").get<std::string>(),
                              h.at("description").get<std::string>(), h.at("flags").get<std::uint32_t>(),
                              h.at("event_types").get<std::string>(),
                              h.at("config_schema").get<std::string>()});
    }
    return out;
  } catch (const Json::exception& error) {
    return core::Error{std::string("its description cannot be read: ") + error.what()};
  }
}

std::vector<std::string> flag_names(std::uint32_t flags) {
  constexpr std::array<const char*, 5> names = {"ENQUEUES", "QUERIES", "EXTERNAL_EFFECTS", "SINGLE_LANE",
                                                "THREAD_AFFINE"};
  static_assert(HOSTLER_HANDLER_ENQUEUES == 1U << 0 && HOSTLER_HANDLER_THREAD_AFFINE == 1U << 4);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if ((flags & (1U << i)) != 0) out.emplace_back(names.at(i));
  }
  if (const std::uint32_t rest = flags >> names.size(); rest != 0)
    out.push_back("unknown (" + std::to_string(rest << names.size()) + ")");
  return out;
}

std::string one_line(std::string_view text, std::size_t most) {
  std::string out;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
    if (blank && (out.empty() || out.back() == ' ')) continue;
    if (out.size() >= most) return out + "…";
    out += blank ? ' ' : c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

} // namespace hostler::plugin
