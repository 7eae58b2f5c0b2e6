// Topic patterns as users write them: * stands for any characters, all else for itself. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace hostler::kafka {

[[nodiscard]] bool is_pattern(std::string_view topic);

// "chat.messages.*" -> "^chat\.messages\..*$", which librdkafka takes as a subscription or an exclusion.
// A text that begins with ^ is a regular expression already and comes back as it is.
[[nodiscard]] std::string to_regex(std::string_view pattern);

// Whether `pattern` (a name, or with *) stands for `topic`.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view topic);

}  // namespace hostler::kafka
