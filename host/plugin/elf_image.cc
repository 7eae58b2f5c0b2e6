#include "plugin/elf_image.h"

#include <unistd.h>

#include <algorithm>

// This program's own header, made by the linker: what a plugin's must agree with, on every architecture.
extern "C" __attribute__((visibility("hidden"))) const ElfW(Ehdr) __ehdr_start; // NOLINT: the linker's name

namespace hostler::plugin {
namespace {

using Ehdr = ElfW(Ehdr);
using Shdr = ElfW(Shdr);
using Dyn = ElfW(Dyn);

const std::string cut_off = "; copy it again, or build it again";

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_386: return "x86";
    case EM_X86_64: return "x86-64";
    case EM_ARM: return "ARM";
    case EM_AARCH64: return "AArch64";
    case EM_RISCV: return "RISC-V";
    case EM_PPC64: return "PowerPC64";
    case EM_S390: return "S/390";
    default: return "machine number " + std::to_string(machine);
  }
}

std::string platform_name(const unsigned char* ident, unsigned machine) {
  return machine_name(machine) + (ident[EI_CLASS] == ELFCLASS64 ? ", 64 bit" : ", 32 bit") +
         (ident[EI_DATA] == ELFDATA2MSB ? ", big endian" : "");
}

} // namespace

core::Error damaged(const std::string& what) { return core::Error{"damaged or cut off: " + what + cut_off}; }

std::string ElfImage::machine() const { return platform_name(header_.e_ident, header_.e_machine); }

core::Status<> ElfImage::read_header() {
  if (file_.size() < SELFMAG || std::memcmp(file_.data(), ELFMAG, SELFMAG) != 0) {
    return core::Error{file_.empty() ? "an empty file" + cut_off
                                     : "no shared library (it has no ELF header); is it the right file?"};
  }
  if (!inside(0, sizeof(Ehdr))) return damaged("it ends inside its ELF header");
  header_ = get<Ehdr>(0);
  const auto& own = __ehdr_start;
  if (header_.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
      header_.e_ident[EI_DATA] != own.e_ident[EI_DATA] || header_.e_machine != own.e_machine) {
    const bool same_order = header_.e_ident[EI_DATA] == own.e_ident[EI_DATA];
    const unsigned machine =
        same_order ? header_.e_machine
                   : static_cast<std::uint16_t>((header_.e_machine << 8) | (header_.e_machine >> 8));
    return core::Error{"built for " + platform_name(header_.e_ident, machine) + ", this host is " +
                       platform_name(own.e_ident, own.e_machine) + "; build the plugin for this machine"};
  }
  if (header_.e_type != ET_DYN) {
    return core::Error{std::string(header_.e_type == ET_REL    ? "an object file"
                                   : header_.e_type == ET_EXEC ? "a program"
                                                               : "some other kind of ELF file") +
                       ", not a shared library" + use_helper};
  }
  if (header_.e_ident[EI_VERSION] != EV_CURRENT || header_.e_phentsize != sizeof(Phdr) ||
      header_.e_phnum == 0)
    return damaged("its ELF header makes no sense");
  return core::Status<>::success();
}

core::Status<> ElfImage::read_segments() {
  if (!inside(header_.e_phoff, header_.e_phnum, sizeof(Phdr)))
    return damaged("its program headers lie outside of the file");
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t above = 0;
  for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
    const auto segment = get<Phdr>(header_.e_phoff, i);
    if (segment.p_type != PT_GNU_STACK && !inside(segment.p_offset, segment.p_filesz))
      return damaged("segment " + std::to_string(i) + " ends outside of the file");
    if (segment.p_type == PT_NOTE) notes_.push_back(segment);
    if (segment.p_type == PT_DYNAMIC) dynamic_ = segment;
    if (segment.p_type != PT_LOAD) continue;
    constexpr std::uint64_t most_memory = std::uint64_t{1} << 40;
    if (segment.p_filesz > segment.p_memsz || segment.p_memsz > most_memory ||
        segment.p_vaddr > most_memory || segment.p_vaddr < above ||
        (segment.p_vaddr - segment.p_offset) % page != 0)
      return damaged("segment " + std::to_string(i) + " cannot be mapped");
    above = segment.p_vaddr + segment.p_memsz;
    loads_.push_back(segment);
  }
  if (loads_.empty() || dynamic_.p_type != PT_DYNAMIC) return damaged("it has nothing to load");
  return core::Status<>::success();
}

// The loader does not look at sections, but they end the file: a cut off file shows here.
core::Status<> ElfImage::read_sections() const {
  if (header_.e_shoff == 0) return core::Status<>::success();
  if (header_.e_shentsize != sizeof(Shdr) || !inside(header_.e_shoff, header_.e_shnum, sizeof(Shdr)))
    return damaged("its section headers lie outside of the file");
  for (std::uint64_t i = 0; i < header_.e_shnum; ++i) {
    const auto section = get<Shdr>(header_.e_shoff, i);
    if (section.sh_type != SHT_NULL && section.sh_type != SHT_NOBITS &&
        !inside(section.sh_offset, section.sh_size))
      return damaged("section " + std::to_string(i) + " ends outside of the file");
  }
  return core::Status<>::success();
}

core::Status<> ElfImage::read_dynamic() {
  const std::uint64_t count = dynamic_.p_filesz / sizeof(Dyn);
  bool ended = false;
  for (std::uint64_t i = 0; i < count && !ended; ++i) {
    const auto one = get<Dyn>(dynamic_.p_offset, i);
    if (one.d_tag == DT_NEEDED) needed_.push_back(one.d_un.d_val);
    entries_.emplace(one.d_tag, one.d_un.d_val);
    ended = one.d_tag == DT_NULL;
  }
  for (const std::int64_t tag : {DT_STRTAB, DT_STRSZ, DT_SYMTAB}) {
    if (!ended || !entries_.contains(tag)) return damaged("its dynamic section is not complete");
  }
  if ((entry(DT_FLAGS_1).value_or(0) & DF_1_PIE) != 0)
    return core::Error{std::string("a program, not a shared library") + use_helper};
  return core::Status<>::success();
}

std::optional<std::uint64_t> ElfImage::offset_of(std::uint64_t address, std::uint64_t size) const {
  for (const auto& load : loads_) {
    if (address < load.p_vaddr || address - load.p_vaddr > load.p_filesz) continue;
    if (size <= load.p_filesz - (address - load.p_vaddr)) return load.p_offset + (address - load.p_vaddr);
  }
  return std::nullopt;
}

std::optional<std::string> ElfImage::string_at(std::uint64_t index) const {
  const auto size = entries_.at(DT_STRSZ);
  const auto table = offset_of(entries_.at(DT_STRTAB), size);
  if (!table || index >= size) return std::nullopt;
  const char* const text = reinterpret_cast<const char*>(file_.data()) + *table + index;
  const void* const end = std::memchr(text, 0, size - index);
  if (end == nullptr) return std::nullopt;
  return std::string(text, static_cast<const char*>(end));
}

// The GNU hash table does not say how many symbols there are: the last chain's end does.
std::optional<std::uint64_t> ElfImage::gnu_hash_count(std::uint64_t address) const {
  constexpr std::uint64_t word = sizeof(std::uint32_t);
  const auto at = offset_of(address, 4 * word);
  if (!at) return std::nullopt;
  const std::uint64_t buckets = get<std::uint32_t>(*at, 0), first = get<std::uint32_t>(*at, 1),
                      bloom = get<std::uint32_t>(*at, 2);
  const std::uint64_t bucket_at = *at + 4 * word + bloom * sizeof(ElfW(Addr));
  if (!inside(bucket_at, buckets, word)) return std::nullopt;
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i < buckets; ++i)
    last = std::max<std::uint64_t>(last, get<std::uint32_t>(bucket_at, i));
  if (last < first) return first; // no chain: nothing is exported
  const std::uint64_t chain_at = bucket_at + buckets * word;
  for (; inside(chain_at, last - first + 1, word); ++last) {
    if ((get<std::uint32_t>(chain_at, last - first) & 1) != 0) return last + 1;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ElfImage::symbol_count() const {
  if (const auto hash = entry(DT_GNU_HASH)) return gnu_hash_count(*hash);
  const auto hash = entry(DT_HASH);
  const auto at = hash ? offset_of(*hash, 2 * sizeof(std::uint32_t)) : std::nullopt;
  if (!at) return std::nullopt;
  return get<std::uint32_t>(*at, 1);
}

core::Result<ElfImage> ElfImage::open(std::span<const std::uint8_t> file) {
  ElfImage image(file);
  if (auto right = image.read_header(); !right) return right.error();
  if (auto right = image.read_segments(); !right) return right.error();
  if (auto right = image.read_sections(); !right) return right.error();
  if (auto right = image.read_dynamic(); !right) return right.error();
  return image;
}

} // namespace hostler::plugin
