// What a probe's two processes agree on: descriptors, and the lines on the report pipe.
#pragma once

namespace hostler::plugin {

inline constexpr int probe_library_fd = 3, probe_report_fd = 4;
// "\x01what runs now\n" before each step, and "\x02{json}\n" once. JSON has neither of the two bytes.
inline constexpr char probe_step_mark = '\x01', probe_answer_mark = '\x02';

} // namespace hostler::plugin
