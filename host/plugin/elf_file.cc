#include "plugin/elf_file.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "plugin/elf_image.h"
#include "plugin/elf_links.h"
#include "runtime/digest.h"

namespace hostler::plugin {
namespace {

std::optional<std::string> build_id_in(const ElfImage& image, const ElfImage::Phdr& note) {
  std::uint64_t at = note.p_offset;
  const std::uint64_t end = note.p_offset + note.p_filesz;
  while (at + sizeof(Elf64_Nhdr) <= end) {
    const auto head = image.get<Elf64_Nhdr>(at); // the same for 32 bit
    const std::uint64_t name = at + sizeof(head);
    const std::uint64_t text = name + (std::uint64_t{head.n_namesz} + 3) / 4 * 4;
    const std::uint64_t next = text + (std::uint64_t{head.n_descsz} + 3) / 4 * 4;
    if (next > end) break;
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 &&
        std::memcmp(image.file().data() + name, "GNU", 4) == 0)
      return runtime::to_hex(image.file().subspan(text, head.n_descsz));
    at = next;
  }
  return std::nullopt;
}

core::Status<> read_names(const ElfImage& image, ElfFacts& facts) {
  for (const auto index : image.needed()) {
    auto name = image.string_at(index);
    if (!name) return damaged("the name of a library that it needs lies outside of the file");
    facts.needed.push_back(std::move(*name));
  }
  const auto text_of = [&](std::int64_t tag) {
    const auto index = image.entry(tag);
    return index ? image.string_at(*index).value_or("") : std::string();
  };
  facts.soname = text_of(DT_SONAME);
  facts.runpath = text_of(DT_RUNPATH).empty() ? text_of(DT_RPATH) : text_of(DT_RUNPATH);
  return core::Status<>::success();
}

core::Result<std::vector<std::string>> exports_of(const ElfImage& image) {
  using Sym = ElfW(Sym);
  std::vector<std::string> out;
  const auto count = image.symbol_count();
  const auto table = count && image.inside(0, *count, sizeof(Sym))
                         ? image.offset_of(*image.entry(DT_SYMTAB), *count * sizeof(Sym))
                         : std::nullopt;
  if (!table) return damaged("its table of symbols is not complete");
  for (std::uint64_t i = 1; i < *count; ++i) {
    const auto symbol = image.get<Sym>(*table, i);
    const unsigned binding = ELF64_ST_BIND(symbol.st_info), visibility = ELF64_ST_VISIBILITY(symbol.st_other);
    if (symbol.st_shndx == SHN_UNDEF || binding == STB_LOCAL || visibility == STV_HIDDEN ||
        visibility == STV_INTERNAL)
      continue;
    auto name = image.string_at(symbol.st_name);
    if (!name) return damaged("the name of a symbol lies outside of the file");
    out.push_back(std::move(*name));
  }
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

core::Result<ElfFacts> read_elf(std::span<const std::uint8_t> file) {
  const auto image = ElfImage::open(file);
  if (!image) return image.error();
  ElfFacts facts;
  facts.machine = image->machine();
  for (const auto& note : image->notes())
    if (auto id = build_id_in(*image, note)) facts.build_id = std::move(*id);
  if (auto right = read_names(*image, facts); !right) return right.error();
  auto exports = exports_of(*image);
  if (!exports) return exports.error();
  facts.exports = std::move(*exports);
  if (auto right = check_links(*image); !right) return right.error();
  return facts;
}

core::Status<> check_exports(const ElfFacts& elf) {
  constexpr std::size_t most_named = 3;
  std::string others;
  std::size_t count = 0;
  bool entry = false;
  for (const auto& name : elf.exports) {
    if (name == entry_name) {
      entry = true;
    } else if (++count <= most_named) {
      others += (others.empty() ? "" : ", ") + name.substr(0, 100);
    }
  }
  if (!entry)
    return core::Error{std::string("exports no ") + entry_name + ", so it is not a Hostler plugin" +
                       use_helper};
  if (count == 0) return core::Status<>::success();
  return core::Error{"exports more than " + std::string(entry_name) + ": " + others +
                     (count > most_named ? " and " + std::to_string(count - most_named) + " more" : "") +
                     "; two plugins would share such symbols" + use_helper};
}

} // namespace hostler::plugin
