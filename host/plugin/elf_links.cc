#include "plugin/elf_links.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace hostler::plugin {
namespace {

// A relocation that points outside of the library writes into whatever lies there: something harmless in the process that tries it,
// something else in the host. So the probe is no help, and they are checked here.
core::Status<> check_relocations(const ElfImage& image) {
  using Rela = ElfW(Rela);
  const auto symbols = image.symbol_count().value_or(0);
  const std::uint64_t end = image.loads().back().p_vaddr + image.loads().back().p_memsz;
  const auto& dynamic = image.dynamic();
  const auto writable = [&](std::uint64_t address) {
    if (address + sizeof(ElfW(Addr)) > dynamic.p_vaddr && address < dynamic.p_vaddr + dynamic.p_memsz)
      return false;
    return std::any_of(image.loads().begin(), image.loads().end(), [&](const ElfImage::Phdr& load) {
      return (load.p_flags & PF_W) != 0 && address >= load.p_vaddr &&
             address - load.p_vaddr + sizeof(ElfW(Addr)) <= load.p_memsz;
    });
  };
  for (const auto& [start, size] : {std::pair{DT_RELA, DT_RELASZ}, std::pair{DT_JMPREL, DT_PLTRELSZ}}) {
    const auto address = image.entry(start), bytes = image.entry(size);
    if (!address) continue;
    const auto table = bytes ? image.offset_of(*address, *bytes) : std::nullopt;
    if (!table) return damaged("its table of relocations is not complete");
    for (std::uint64_t i = 0; i < *bytes / sizeof(Rela); ++i) {
      const auto one = image.get<Rela>(*table, i);
      const std::uint64_t symbol =
          sizeof(one.r_info) == 8 ? std::uint64_t{one.r_info} >> 32 : one.r_info >> 8;
      const bool target_inside =
          symbol != 0 ? symbol < symbols : static_cast<std::uint64_t>(one.r_addend) <= end;
      if (!writable(one.r_offset) || !target_inside)
        return damaged("relocation " + std::to_string(i) + " points outside of the library");
    }
  }
  return core::Status<>::success();
}

// The highest version number that the library's own tables introduce (0 and 1 always exist); nothing if the tables are damaged.
std::optional<unsigned> last_version(const ElfImage& image) {
  constexpr std::uint64_t most = 1000;
  const auto entry = [&](std::int64_t tag) { return image.entry(tag).value_or(0); };
  if (entry(DT_VERDEFNUM) > most || entry(DT_VERNEEDNUM) > most) return std::nullopt;
  unsigned last = 1;
  std::uint64_t address = entry(DT_VERDEF);
  for (std::uint64_t left = entry(DT_VERDEFNUM); left > 0; --left) {
    const auto at = image.offset_of(address, sizeof(Elf64_Verdef)); // these tables are the same for 32 bit
    if (!at) return std::nullopt;
    const auto one = image.get<Elf64_Verdef>(*at);
    last = std::max<unsigned>(last, one.vd_ndx);
    address += one.vd_next;
  }
  address = entry(DT_VERNEED);
  for (std::uint64_t left = entry(DT_VERNEEDNUM); left > 0; --left) {
    const auto at = image.offset_of(address, sizeof(Elf64_Verneed));
    if (!at) return std::nullopt;
    const auto one = image.get<Elf64_Verneed>(*at);
    std::uint64_t detail = address + one.vn_aux;
    for (unsigned i = 0; i < one.vn_cnt; ++i) {
      const auto detail_at = image.offset_of(detail, sizeof(Elf64_Vernaux));
      if (!detail_at) return std::nullopt;
      const auto version = image.get<Elf64_Vernaux>(*detail_at);
      last = std::max<unsigned>(last, version.vna_other);
      detail += version.vna_next;
    }
    address += one.vn_next;
  }
  return last;
}

// The loader looks versions up by their number without a look at how many there are: the same trap as with relocations.
core::Status<> check_versions(const ElfImage& image) {
  const auto versions = image.entry(DT_VERSYM);
  if (!versions) return core::Status<>::success();
  const std::uint64_t symbols = image.symbol_count().value_or(0);
  const auto table = image.offset_of(*versions, symbols * sizeof(std::uint16_t));
  const auto last = last_version(image);
  constexpr unsigned number = 0x7fff, most = 1000; // the highest bit means "hidden"
  bool right = table.has_value() && last && *last < most;
  for (std::uint64_t i = 0; right && i < symbols; ++i)
    right = (image.get<std::uint16_t>(*table, i) & number) <= *last;
  return right ? core::Status<>::success()
               : core::Status<>(damaged("its table of symbol versions makes no sense"));
}

} // namespace

core::Status<> check_links(const ElfImage& image) {
  auto right = check_relocations(image);
  return right ? check_versions(image) : right;
}

} // namespace hostler::plugin
