// The configuration's JSON Schema (draft 7), for editors that check TOML against one. Made from the table of keys; the copy in
// conf/hostler.schema.json is what `hostler check --schema` prints. Thread-safety: pure.
#pragma once

#include <string>

namespace hostler::config {

// Pretty-printed, ends with a line feed.
[[nodiscard]] std::string json_schema();

} // namespace hostler::config
