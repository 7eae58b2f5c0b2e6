#include "plugin/elf_file.h"

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/digest.h"

// This program's own header, made by the linker: what a plugin's must agree with, on every architecture.
extern "C" __attribute__((visibility("hidden"))) const ElfW(Ehdr) __ehdr_start; // NOLINT: the linker's name

namespace hostler::plugin {
namespace {

using Ehdr = ElfW(Ehdr);
using Phdr = ElfW(Phdr);
using Shdr = ElfW(Shdr);
using Dyn = ElfW(Dyn);
using Sym = ElfW(Sym);

const std::string cut_off = "; copy it again, or build it again";
const std::string use_helper =
    "; build it with hostler_add_plugin() or the flags of `pkg-config hostler-plugin`";

core::Error damaged(const std::string& what) { return core::Error{"damaged or cut off: " + what + cut_off}; }

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

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> file) : file_(file) {}
  core::Result<ElfFacts> read();

 private:
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
  core::Status<> read_header();
  core::Status<> read_segments();
  core::Status<> read_sections() const;
  core::Status<> read_dynamic();
  core::Status<> read_exports();
  core::Status<> check_relocations() const;
  core::Status<> check_versions() const;
  [[nodiscard]] std::optional<unsigned> last_version() const;
  void read_build_id(const Phdr& note);
  [[nodiscard]] std::uint64_t entry(std::int64_t tag) const {
    const auto found = entries_.find(tag);
    return found == entries_.end() ? 0 : found->second;
  }
  [[nodiscard]] std::optional<std::uint64_t> offset_of(std::uint64_t address, std::uint64_t size) const;
  [[nodiscard]] std::optional<std::string> string_at(std::uint64_t index) const;
  [[nodiscard]] std::optional<std::uint64_t> symbol_count() const;
  [[nodiscard]] std::optional<std::uint64_t> gnu_hash_count(std::uint64_t address) const;

  std::span<const std::uint8_t> file_;
  Ehdr header_{};
  std::vector<Phdr> loads_;
  std::optional<Phdr> dynamic_;
  std::map<std::int64_t, std::uint64_t> entries_; // of the dynamic section, by tag; the first of each
  ElfFacts facts_;
};

core::Status<> Reader::read_header() {
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
  facts_.machine = platform_name(own.e_ident, own.e_machine);
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

core::Status<> Reader::read_segments() {
  if (!inside(header_.e_phoff, header_.e_phnum, sizeof(Phdr)))
    return damaged("its program headers lie outside of the file");
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t above = 0;
  for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
    const auto segment = get<Phdr>(header_.e_phoff, i);
    if (segment.p_type != PT_GNU_STACK && !inside(segment.p_offset, segment.p_filesz))
      return damaged("segment " + std::to_string(i) + " ends outside of the file");
    if (segment.p_type == PT_NOTE) read_build_id(segment);
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
  if (loads_.empty() || !dynamic_) return damaged("it has nothing to load");
  return core::Status<>::success();
}

// The loader does not look at sections, but they end the file: a cut off file shows here.
core::Status<> Reader::read_sections() const {
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

void Reader::read_build_id(const Phdr& note) {
  std::uint64_t at = note.p_offset;
  const std::uint64_t end = note.p_offset + note.p_filesz;
  while (at + sizeof(Elf64_Nhdr) <= end) {
    const auto head = get<Elf64_Nhdr>(at); // the same for 32 bit
    const std::uint64_t name = at + sizeof(head);
    const std::uint64_t text = name + (std::uint64_t{head.n_namesz} + 3) / 4 * 4;
    const std::uint64_t next = text + (std::uint64_t{head.n_descsz} + 3) / 4 * 4;
    if (next > end) return;
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 &&
        std::memcmp(file_.data() + name, "GNU", 4) == 0)
      facts_.build_id = runtime::to_hex(file_.subspan(text, head.n_descsz));
    at = next;
  }
}

std::optional<std::uint64_t> Reader::offset_of(std::uint64_t address, std::uint64_t size) const {
  for (const auto& load : loads_) {
    if (address < load.p_vaddr || address - load.p_vaddr > load.p_filesz) continue;
    if (size <= load.p_filesz - (address - load.p_vaddr)) return load.p_offset + (address - load.p_vaddr);
  }
  return std::nullopt;
}

std::optional<std::string> Reader::string_at(std::uint64_t index) const {
  const auto size = entries_.at(DT_STRSZ);
  const auto table = offset_of(entries_.at(DT_STRTAB), size);
  if (!table || index >= size) return std::nullopt;
  const char* const text = reinterpret_cast<const char*>(file_.data()) + *table + index;
  const void* const end = std::memchr(text, 0, size - index);
  if (end == nullptr) return std::nullopt;
  return std::string(text, static_cast<const char*>(end));
}

core::Status<> Reader::read_dynamic() {
  std::vector<std::uint64_t> needed;
  const std::uint64_t count = dynamic_->p_filesz / sizeof(Dyn);
  bool ended = false;
  for (std::uint64_t i = 0; i < count && !ended; ++i) {
    const auto entry = get<Dyn>(dynamic_->p_offset, i);
    if (entry.d_tag == DT_NEEDED) needed.push_back(entry.d_un.d_val);
    entries_.emplace(entry.d_tag, entry.d_un.d_val);
    ended = entry.d_tag == DT_NULL;
  }
  for (const std::int64_t tag : {DT_STRTAB, DT_STRSZ, DT_SYMTAB}) {
    if (!ended || !entries_.contains(tag)) return damaged("its dynamic section is not complete");
  }
  if (const auto flags = entries_.find(DT_FLAGS_1);
      flags != entries_.end() && (flags->second & DF_1_PIE) != 0)
    return core::Error{"a program, not a shared library" + use_helper};
  for (const auto index : needed) {
    auto name = string_at(index);
    if (!name) return damaged("the name of a library that it needs lies outside of the file");
    facts_.needed.push_back(std::move(*name));
  }
  const auto text_of = [&](std::int64_t tag) {
    const auto found = entries_.find(tag);
    return found == entries_.end() ? std::string() : string_at(found->second).value_or("");
  };
  facts_.soname = text_of(DT_SONAME);
  facts_.runpath = text_of(DT_RUNPATH).empty() ? text_of(DT_RPATH) : text_of(DT_RUNPATH);
  return core::Status<>::success();
}

// The GNU hash table does not say how many symbols there are: the last chain's end does.
std::optional<std::uint64_t> Reader::gnu_hash_count(std::uint64_t address) const {
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

std::optional<std::uint64_t> Reader::symbol_count() const {
  if (const auto hash = entries_.find(DT_GNU_HASH); hash != entries_.end())
    return gnu_hash_count(hash->second);
  const auto hash = entries_.find(DT_HASH);
  const auto at = hash == entries_.end() ? std::nullopt : offset_of(hash->second, 2 * sizeof(std::uint32_t));
  if (!at) return std::nullopt;
  return get<std::uint32_t>(*at, 1);
}

core::Status<> Reader::read_exports() {
  const auto count = symbol_count();
  const auto table = count && inside(0, *count, sizeof(Sym))
                         ? offset_of(entries_.at(DT_SYMTAB), *count * sizeof(Sym))
                         : std::nullopt;
  if (!table) return damaged("its table of symbols is not complete");
  for (std::uint64_t i = 1; i < *count; ++i) {
    const auto symbol = get<Sym>(*table, i);
    const unsigned binding = ELF64_ST_BIND(symbol.st_info), visibility = ELF64_ST_VISIBILITY(symbol.st_other);
    if (symbol.st_shndx == SHN_UNDEF || binding == STB_LOCAL || visibility == STV_HIDDEN ||
        visibility == STV_INTERNAL)
      continue;
    auto name = string_at(symbol.st_name);
    if (!name) return damaged("the name of a symbol lies outside of the file");
    facts_.exports.push_back(std::move(*name));
  }
  std::sort(facts_.exports.begin(), facts_.exports.end());
  return core::Status<>::success();
}

// A relocation that points outside of the library writes into whatever lies there: something harmless in the process that tries it,
// something else in the host. So the probe is no help, and they are checked here.
core::Status<> Reader::check_relocations() const {
  using Rela = ElfW(Rela);
  const auto symbols = symbol_count().value_or(0);
  const std::uint64_t end = loads_.back().p_vaddr + loads_.back().p_memsz;
  const auto writable = [&](std::uint64_t address) {
    if (address + sizeof(ElfW(Addr)) > dynamic_->p_vaddr && address < dynamic_->p_vaddr + dynamic_->p_memsz)
      return false;
    return std::any_of(loads_.begin(), loads_.end(), [&](const Phdr& load) {
      return (load.p_flags & PF_W) != 0 && address >= load.p_vaddr &&
             address - load.p_vaddr + sizeof(ElfW(Addr)) <= load.p_memsz;
    });
  };
  for (const auto& [start, size] : {std::pair{DT_RELA, DT_RELASZ}, std::pair{DT_JMPREL, DT_PLTRELSZ}}) {
    const auto address = entries_.find(start), bytes = entries_.find(size);
    if (address == entries_.end()) continue;
    const auto table = bytes == entries_.end() ? std::nullopt : offset_of(address->second, bytes->second);
    if (!table) return damaged("its table of relocations is not complete");
    for (std::uint64_t i = 0; i < bytes->second / sizeof(Rela); ++i) {
      const auto one = get<Rela>(*table, i);
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
std::optional<unsigned> Reader::last_version() const {
  constexpr std::uint64_t most = 1000;
  if (entry(DT_VERDEFNUM) > most || entry(DT_VERNEEDNUM) > most) return std::nullopt;
  unsigned last = 1;
  std::uint64_t address = entry(DT_VERDEF);
  for (std::uint64_t left = entry(DT_VERDEFNUM); left > 0; --left) {
    const auto at = offset_of(address, sizeof(Elf64_Verdef)); // these tables are the same for 32 bit
    if (!at) return std::nullopt;
    const auto one = get<Elf64_Verdef>(*at);
    last = std::max<unsigned>(last, one.vd_ndx);
    address += one.vd_next;
  }
  address = entry(DT_VERNEED);
  for (std::uint64_t left = entry(DT_VERNEEDNUM); left > 0; --left) {
    const auto at = offset_of(address, sizeof(Elf64_Verneed));
    if (!at) return std::nullopt;
    const auto one = get<Elf64_Verneed>(*at);
    std::uint64_t detail = address + one.vn_aux;
    for (unsigned i = 0; i < one.vn_cnt; ++i) {
      const auto detail_at = offset_of(detail, sizeof(Elf64_Vernaux));
      if (!detail_at) return std::nullopt;
      const auto version = get<Elf64_Vernaux>(*detail_at);
      last = std::max<unsigned>(last, version.vna_other);
      detail += version.vna_next;
    }
    address += one.vn_next;
  }
  return last;
}

// The loader looks versions up by their number without a look at how many there are: the same trap as with relocations.
core::Status<> Reader::check_versions() const {
  const auto versions = entries_.find(DT_VERSYM);
  if (versions == entries_.end()) return core::Status<>::success();
  const std::uint64_t symbols = symbol_count().value_or(0);
  const auto table = offset_of(versions->second, symbols * sizeof(std::uint16_t));
  const auto last = last_version();
  constexpr unsigned number = 0x7fff, most = 1000; // the highest bit means "hidden"
  bool right = table.has_value() && last && *last < most;
  for (std::uint64_t i = 0; right && i < symbols; ++i)
    right = (get<std::uint16_t>(*table, i) & number) <= *last;
  return right ? core::Status<>::success()
               : core::Status<>(damaged("its table of symbol versions makes no sense"));
}

core::Result<ElfFacts> Reader::read() {
  if (auto right = read_header(); !right) return right.error();
  if (auto right = read_segments(); !right) return right.error();
  if (auto right = read_sections(); !right) return right.error();
  if (auto right = read_dynamic(); !right) return right.error();
  if (auto right = read_exports(); !right) return right.error();
  if (auto right = check_relocations(); !right) return right.error();
  if (auto right = check_versions(); !right) return right.error();
  return std::move(facts_);
}

} // namespace

core::Result<ElfFacts> read_elf(std::span<const std::uint8_t> file) { return Reader(file).read(); }

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
