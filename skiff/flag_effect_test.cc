// No flag is swallowed: what a program takes into a variable is read somewhere, and what it takes
// otherwise is declared to have no effect. Read from the sources, as no run can show that something
// is never read.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "base/source_root.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

bool IsWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// flags.Add("name", where.it.goes, ...)
struct TakenFlag {
  std::string name;
  std::string target;  // "where.it.goes"
  std::string last() const { return target.substr(target.find_last_of(".>") + 1); }
};

// Takes the statements that add flags out of `text`.
std::vector<TakenFlag> CutFlags(std::string& text) {
  std::vector<TakenFlag> flags;
  for (size_t at = text.find("flags.Add"); at != text.npos; at = text.find("flags.Add", at)) {
    const size_t end = std::min(text.find(';', at), text.size());
    const std::string statement = text.substr(at, end - at);
    text.erase(at, end - at);
    const size_t open = statement.find('"');
    const size_t close = open == statement.npos ? open : statement.find('"', open + 1);
    const bool has_target =
        statement.starts_with("flags.Add(") || statement.starts_with("flags.AddEach(");
    if (!has_target || close == statement.npos) continue;
    size_t begin = std::min(statement.find(',', close), statement.size() - 1) + 1;
    while (begin < statement.size() && std::isspace(statement[begin]) != 0) ++begin;
    flags.push_back({statement.substr(open + 1, close - open - 1),
                     statement.substr(begin, statement.find(',', begin) - begin)});
  }
  return flags;
}

// How often each word stands there behind a '.' or "->", and how often at all.
struct Words {
  std::map<std::string, int> members, all;
  void Count(const std::string& text) {
    for (size_t at = 0; at < text.size();) {
      if (!IsWord(text[at])) {
        ++at;
        continue;
      }
      size_t end = at;
      while (end < text.size() && IsWord(text[end])) ++end;
      const std::string word = text.substr(at, end - at);
      const bool is_member = (at > 0 && text[at - 1] == '.') ||
                             (at > 1 && text[at - 1] == '>' && text[at - 2] == '-');
      if (is_member) ++members[word];
      ++all[word];
      at = end;
    }
  }
};

// What nobody reads, as "--flag -> target".
std::vector<std::string> Unread(const std::map<std::string, std::string>& sources,
                                size_t& flags_seen) {
  Words everywhere;
  std::vector<std::pair<TakenFlag, int>> flags;  // And how often its file has the word beside.
  for (auto [path, text] : sources) {
    const auto taken = CutFlags(text);
    Words here;
    here.Count(text);
    everywhere.Count(text);
    for (const TakenFlag& flag : taken) flags.emplace_back(flag, here.all[flag.last()]);
  }
  flags_seen = flags.size();
  std::vector<std::string> unread;
  for (const auto& [flag, here] : flags) {
    // A variable of its own is declared in its file, and used there.
    const bool is_member = flag.target != flag.last();
    const bool is_read = is_member ? everywhere.members[flag.last()] > 0 : here > 1;
    if (!is_read) unread.push_back("--" + flag.name + " -> " + flag.target);
  }
  return unread;
}

std::map<std::string, std::string> Sources() {
  std::map<std::string, std::string> sources;
  for (const char* folder :
       {"apiserver", "base", "controllers", "dns", "kubelet", "proxy", "skiff"}) {
    const fs::path root = fs::path(kSourceRoot) / folder;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const std::string path = entry.path();
      const bool is_source = path.ends_with(".cc") || path.ends_with(".h");
      if (!is_source || path.find("_test.") != path.npos) continue;
      std::ifstream file(path);
      std::stringstream text;
      text << file.rdbuf();
      sources[path] = text.str();
    }
  }
  return sources;
}

TEST(FlagEffect, EveryFlagsValueIsReadSomewhere) {
  size_t seen = 0;
  EXPECT_EQ(Unread(Sources(), seen), std::vector<std::string>{})
      << "let it act, or declare it with AddUnused";
  EXPECT_GT(seen, 150u) << "the flags are found";
}

TEST(FlagEffect, AVariableThatNobodyReadsIsNoticed) {
  const std::map<std::string, std::string> sources = {
      {"a.cc",
       "struct Options { int used; int unused = 3; };\n"
       "void Add() { flags.Add(\"a\", to.used, \"\");\n flags.Add(\"b\",\n to.unused, \"\"); }\n"
       "void Act() { bool lost = false; flags.Add(\"c\", lost, \"\"); Do(options.used); }\n"}};
  size_t seen = 0;
  EXPECT_EQ(Unread(sources, seen),
            (std::vector<std::string>{"--b -> to.unused", "--c -> lost"}));
  EXPECT_EQ(seen, 3u);
}

}  // namespace
}  // namespace skiff
