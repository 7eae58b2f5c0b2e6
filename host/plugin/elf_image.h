// A shared library's bytes as ELF: its header, segments and dynamic section, each known to lie inside the file before anything else is read.
// Private to plugin/. Thread-safety: constant after open(); borrows the file's bytes.
#pragma once

#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace hostler::plugin {

inline constexpr const char* use_helper = "; build it with hostler_add_plugin() or the flags of `pkg-config hostler-plugin`";

[[nodiscard]] core::Error damaged(const std::string& what);

class ElfImage {
 public:
  using Phdr = ElfW(Phdr);

  // Of a library that this machine could load. The error has reason and mend, without the path.
  static core::Result<ElfImage> open(std::span<const std::uint8_t> file);

  // Whether `count` things of `size` bytes at `offset` lie inside the file; safe against overflow.
  [[nodiscard]] bool inside(std::uint64_t offset, std::uint64_t count, std::uint64_t size = 1) const {
    return offset <= file_.size() && (size == 0 || count <= (file_.size() - offset) / size);
  }
  // A copy, because nothing promises that a table is aligned. Precondition: inside.
  template <class T>
  [[nodiscard]] T get(std::uint64_t offset, std::uint64_t index = 0) const {
    T out;
    std::memcpy(&out, file_.data() + offset + index * sizeof(T), sizeof(T));
    return out;
  }
  [[nodiscard]] std::span<const std::uint8_t> file() const { return file_; }

  [[nodiscard]] std::string machine() const;  // "x86-64, 64 bit"
  [[nodiscard]] const std::vector<Phdr>& loads() const { return loads_; }  // by address, at least one
  [[nodiscard]] const std::vector<Phdr>& notes() const { return notes_; }
  [[nodiscard]] const Phdr& dynamic() const { return dynamic_; }

  // Of the dynamic section, the first of the tag. There are always DT_STRTAB, DT_STRSZ and DT_SYMTAB.
  [[nodiscard]] std::optional<std::uint64_t> entry(std::int64_t tag) const {
    const auto found = entries_.find(tag);
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] const std::vector<std::uint64_t>& needed() const { return needed_; }  // names, for string_at

  // Where in the file the bytes that are loaded at `address` lie; nothing if they do not lie in it.
  [[nodiscard]] std::optional<std::uint64_t> offset_of(std::uint64_t address, std::uint64_t size) const;
  // Of the dynamic section's table of strings.
  [[nodiscard]] std::optional<std::string> string_at(std::uint64_t index) const;
  // Nothing if the hash table that tells is damaged.
  [[nodiscard]] std::optional<std::uint64_t> symbol_count() const;

 private:
  explicit ElfImage(std::span<const std::uint8_t> file) : file_(file) {}
  core::Status<> read_header();
  core::Status<> read_segments();
  core::Status<> read_sections() const;
  core::Status<> read_dynamic();
  [[nodiscard]] std::optional<std::uint64_t> gnu_hash_count(std::uint64_t address) const;

  std::span<const std::uint8_t> file_;
  ElfW(Ehdr) header_{};
  std::vector<Phdr> loads_, notes_;
  Phdr dynamic_{};
  std::map<std::int64_t, std::uint64_t> entries_;
  std::vector<std::uint64_t> needed_;
};

} // namespace hostler::plugin
