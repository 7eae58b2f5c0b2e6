// Text that lives as long as a batch: appended to chunks that are kept for the next batch. One thread.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace hostler::core {

class TextArena {
 public:
  // A copy of `text` that stays valid until clear(). Never null, even for empty text.
  std::string_view keep(std::string_view text) {
    if (text.size() > left_) grow(text.size());
    if (text.empty()) return {"", 0};
    char* to = next_;
    std::memcpy(to, text.data(), text.size());
    next_ += text.size();
    left_ -= text.size();
    return {to, text.size()};
  }

  void clear() {
    large_.clear();
    used_ = 0;
    left_ = 0;
    next_ = nullptr;
  }

 private:
  static constexpr std::size_t chunk_size = std::size_t{64} << 10;

  void grow(std::size_t need) {
    if (need > chunk_size) {  // an own block; the current chunk is given up, which is rare and harmless
      large_.push_back(std::make_unique<char[]>(need));
      next_ = large_.back().get();
      left_ = need;
      return;
    }
    if (used_ == chunks_.size()) chunks_.push_back(std::make_unique<char[]>(chunk_size));
    next_ = chunks_[used_++].get();
    left_ = chunk_size;
  }

  std::vector<std::unique_ptr<char[]>> chunks_, large_;
  std::size_t used_ = 0, left_ = 0;
  char* next_ = nullptr;
};

}  // namespace hostler::core
