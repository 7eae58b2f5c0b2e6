#include "core/secrets.h"

#include <algorithm>

namespace hostler::core {

std::string masked_url(const std::string& url) {
  const auto scheme = url.find("://");
  const std::size_t from = scheme == std::string::npos ? 0 : scheme + 3;
  std::string out = url;
  // A password may hold '@' and '/', wrongly unescaped: take the last '@', and mask too much rather than too little.
  const auto at = out.rfind('@');
  if (const auto colon = out.find(':', from); at != std::string::npos && colon < at) out.replace(colon + 1, at - colon - 1, "***");
  for (std::size_t p = out.find("password="); p != std::string::npos; p = out.find("password=", p + 9)) {
    const auto end = std::min(out.find('&', p), out.size());
    out.replace(p + 9, end - p - 9, "***");
  }
  return out;
}

}  // namespace hostler::core
