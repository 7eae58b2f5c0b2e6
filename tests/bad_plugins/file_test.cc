// What the file itself can be: no ELF, cut off, for another machine, open to others, a link, exchanged.
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <vector>

#include "bad_plugins/bad_plugin.h"
#include "plugin/plugin_file.h"
#include "support/temp_dir.h"

using namespace hostler;
using namespace hostler::testing;
namespace fs = std::filesystem;

namespace {

constexpr uid_t stranger = 4711;

std::string good_bytes() { return text_of(bad_plugin("right")); }

// right.so in a folder of its own.
struct Installed {
  TempDir dir;
  std::string path = dir.write("lib/right.so", good_bytes()).string();
};

std::string patched(std::size_t at, char value) {
  std::string bytes = good_bytes();
  bytes.at(at) = value;
  return bytes;
}

enum class Part : std::uint8_t { code, tables };

// Where in the file what is mapped lies, byte by byte: code, or the rest. Debug information is neither.
std::vector<std::size_t> bytes_of(const std::string& library, Part part) {
  Elf64_Ehdr header;
  std::memcpy(&header, library.data(), sizeof header);
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, library.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type != PT_LOAD || ((segment.p_flags & PF_X) != 0) != (part == Part::code)) continue;
    for (std::size_t at = 0; at < segment.p_filesz; ++at) places.push_back(segment.p_offset + at);
  }
  return places;
}

// noop.so with one bit flipped somewhere in `part`, `count` times.
template <class Try>
void flip_bits(Part part, int count, unsigned seed, Try attempt) {
  const TempDir dir;
  const std::string bytes = text_of(std::string(HOSTLER_PLUGIN_DIR) + "/noop.so");
  const auto places = bytes_of(bytes, part);
  REQUIRE_FALSE(places.empty());
  std::mt19937 random(seed);
  for (int i = 0; i < count; ++i) {
    std::string flipped = bytes;
    const auto bit = std::uniform_int_distribution<std::size_t>(0, places.size() * 8 - 1)(random);
    auto& byte = flipped[places[bit / 8]];
    byte = static_cast<char>(byte ^ (1 << bit % 8));
    INFO("bit " << bit % 8 << " of byte " << places[bit / 8]);
    attempt(dir.write("flipped.so", flipped).string());
  }
}

bool is_root() { return ::geteuid() == 0; }

} // namespace

TEST_CASE("a file that is no shared library of this machine is refused before anything of it runs") {
  struct Case {
    std::string content, reason;
  };
  const TempDir dir;
  const std::string program = text_of(HOSTLER_BINARY);
  for (const auto& [content, reason] : std::vector<Case>{
           {"#!/bin/sh\necho I am not a plugin, whatever my name says\n",
            "no shared library (it has no ELF header); is it the right file?"},
           {"", "an empty file; copy it again"},
           {"\x7f"
            "ELF",
            "it ends inside its ELF header; copy it again"},
           {patched(offsetof(Elf64_Ehdr, e_machine), '\x02'),
            "built for machine number 2, 64 bit, this host is "},
           {patched(EI_CLASS, ELFCLASS32), ", 32 bit, this host is "},
           {patched(EI_DATA, ELFDATA2MSB), "big endian, this host is "},
           {patched(offsetof(Elf64_Ehdr, e_type), ET_REL),
            "an object file, not a shared library; build it with"},
           {patched(offsetof(Elf64_Ehdr, e_type), ET_EXEC), "a program, not a shared library; build it with"},
           {program, "a program, not a shared library; build it with"}}) {
    CHECK_THAT(refusal(dir.write("x.so", content).string()), contains(reason));
  }
}

TEST_CASE("what is not a file at all is refused at once") {
  const TempDir dir;
  CHECK_THAT(refusal("/nowhere/user_events.so"),
             contains("not a file (/nowhere: No such file or directory); check `plugin`"));
  CHECK_THAT(refusal(dir.path().string()), contains("not a file but a folder"));
  const auto pipe = (dir / "pipe.so").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THAT(refusal(pipe), contains("not a file but a device, pipe or socket"));
  const auto file = dir.write("right.so", good_bytes()).string();
  const auto loaded = plugin::load_plugin(file + "/right.so", load_options());
  REQUIRE_FALSE(loaded.ok());
  CHECK_THAT(loaded.error().message, contains("is no folder"));
}

TEST_CASE("a file that others can write is refused, and so is one in a folder that they can write") {
  const Installed at;
  CHECK(refusal(at.path) == "(loaded)");
  fs::permissions(at.path, fs::perms(0757));
  CHECK_THAT(refusal(at.path),
             contains("can be written by everybody (mode 0757)") && contains("; run: chmod go-w " + at.path));
  fs::permissions(at.path, fs::perms(0775));
  CHECK_THAT(refusal(at.path), contains("can be written by its group"));
  fs::permissions(at.path, fs::perms(0644));
  const auto folder = (at.dir / "lib").string();
  fs::permissions(folder, fs::perms(0777));
  CHECK_THAT(refusal(at.path), contains("the folder " + folder + " can be written by everybody") &&
                                   contains("; run: chmod go-w " + folder));
  fs::permissions(folder, fs::perms(0755));
  fs::permissions(at.dir.path(), fs::perms(0775));
  CHECK_THAT(refusal(at.path),
             contains("the folder " + at.dir.path().string() + " can be written by its group"));
  // Where only the owner of a file can exchange it, as in /tmp.
  fs::permissions(at.dir.path(), fs::perms(01777));
  CHECK((refusal(at.path) == "(loaded)") == is_root());
}

TEST_CASE("a file, a folder or a link of another user is refused") {
  if (!is_root()) {
    WARN("not tried: only root can give files away");
    return;
  }
  const Installed at;
  REQUIRE(::chown(at.path.c_str(), stranger, 0) == 0);
  CHECK_THAT(refusal(at.path),
             contains("belongs to uid 4711") && contains("; give it to root: chown root " + at.path));
  REQUIRE(::chown(at.path.c_str(), 0, 0) == 0);
  const auto folder = (at.dir / "lib").string();
  REQUIRE(::chown(folder.c_str(), stranger, 0) == 0);
  CHECK_THAT(refusal(at.path), contains("the folder " + folder + " belongs to uid 4711"));
  REQUIRE(::chown(folder.c_str(), 0, 0) == 0);
  const auto link = (at.dir / "link.so").string();
  fs::create_symlink("lib/right.so", link);
  REQUIRE(::lchown(link.c_str(), stranger, 0) == 0);
  CHECK_THAT(refusal(link), contains(link + " belongs to uid 4711"));
}

TEST_CASE("symbolic links are followed, and every step is checked") {
  const Installed at;
  fs::create_directory_symlink("lib", at.dir / "current");
  fs::create_symlink("../current/../current/right.so", at.dir / "lib/via.so");
  const auto through = plugin::load_plugin((at.dir / "lib/via.so").string(), load_options());
  REQUIRE(through.ok());
  CHECK((*through)->path() == fs::canonical(at.path).string());
  // The folder that the link leads to is open to others, the one it lies in is not.
  fs::create_directory(at.dir / "links");
  fs::create_symlink(at.path, at.dir / "links/right.so");
  fs::permissions(at.dir / "lib", fs::perms(0777));
  CHECK_THAT(refusal((at.dir / "links/right.so").string()),
             contains("the folder " + (at.dir / "lib").string() + " can be written"));
  fs::create_symlink("loop.so", at.dir / "loop.so");
  CHECK_THAT(refusal((at.dir / "loop.so").string()), contains("too many symbolic links"));
}

TEST_CASE("a pinned SHA-256 admits that file only") {
  const Installed at;
  const auto any = plugin::load_plugin(at.path, load_options());
  REQUIRE(any.ok());
  auto options = load_options();
  options.sha256 = (*any)->sha256();
  CHECK(options.sha256.size() == 64);
  CHECK(refusal(at.path, options) == "(loaded)");
  std::transform(options.sha256.begin(), options.sha256.end(), options.sha256.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  CHECK(refusal(at.path, options) == "(loaded)");
  options.sha256 = std::string(64, '0');
  CHECK_THAT(refusal(at.path, options),
             contains("its SHA-256 is " + (*any)->sha256() + ", not 000") && contains("change `sha256`"));
}

TEST_CASE("two files of one name, and two versions of one file, are loaded each as itself") {
  const TempDir dir;
  const auto one = dir.write("a/users.so", good_bytes()).string();
  const auto two = dir.write("b/users.so", text_of(bad_plugin("right_again"))).string();
  const auto first = plugin::load_plugin(one, load_options());
  const auto second = plugin::load_plugin(two, load_options());
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK((*first)->handler_ids().size() == 1);
  CHECK((*second)->handler_ids().size() == 2);
  CHECK(*plugin::load_plugin(one, load_options()) == *first);
  // Overwritten in place, as `cp` does: the old code goes on undisturbed, the new one is loaded beside it.
  dir.write("a/users.so", text_of(bad_plugin("right_again")));
  const auto third = plugin::load_plugin(one, load_options());
  REQUIRE(third.ok());
  CHECK((*third)->handler_ids().size() == 2);
  dir.write("a/users.so", "gone");
  CHECK((*first)->handler_ids() == std::vector<std::string_view>{"right.one"});
}

TEST_CASE("no truncation of a plugin gets through, and none kills the host") {
  const TempDir dir;
  const std::string bytes = text_of(std::string(HOSTLER_PLUGIN_DIR) + "/noop.so");
  std::mt19937 random(1);
  for (int i = 0; i < 250; ++i) {
    const auto size = std::uniform_int_distribution<std::size_t>(0, bytes.size() - 1)(random);
    INFO("first " << size << " of " << bytes.size() << " bytes");
    CHECK(refusal(dir.write("cut.so", bytes.substr(0, size)).string()) != "(loaded)");
  }
}

TEST_CASE("no flipped bit in a plugin's tables kills the host") {
  int loaded = 0, by_check = 0, by_probe = 0;
  flip_bits(Part::tables, 400, 2, [&](const std::string& path) {
    const auto said = refusal(path, load_options(core::Millis(2'000)));
    if (said == "(loaded)") ++loaded;
    if (said.find("damaged") != std::string::npos) ++by_check;
    if (said.find("crashes in") != std::string::npos) ++by_probe;
  });
  CAPTURE(loaded, by_check, by_probe);
  CHECK(by_check > 0);
  CHECK(by_probe > 0); // these would have been the host's end
  CHECK(loaded > 0);   // texts and the like: only a pinned digest finds that
}

// Code that a flipped bit changed is code: only a pinned digest tells. What fails while it is loaded fails in the probe.
TEST_CASE("a flipped bit in a plugin's code that is fatal at once ends the probe") {
  int fine = 0, fatal = 0;
  flip_bits(Part::code, 200, 3, [&](const std::string& path) {
    const auto opened = plugin::open_plugin_file(path);
    REQUIRE(opened.ok());
    const auto copy = plugin::SealedCopy::make(opened->file, "flipped.so");
    REQUIRE(copy.ok());
    (plugin::probe(*copy, load_options(core::Millis(2'000)).probe) ? fine : fatal) += 1;
  });
  CAPTURE(fine, fatal);
  CHECK(fine > 0);
  CHECK(fatal > 0);
}
