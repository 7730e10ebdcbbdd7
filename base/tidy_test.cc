// The tree's own rules, checked over every source file: who may include whom, how long files and
// functions may be, which calls are banned, and which library is used behind which door.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/source_root.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFunctionLinesMax = 70;
constexpr size_t kFileLinesMax = 600;

struct Source {
  std::string path;  // From the root of the tree.
  std::string folder;
  std::vector<std::string> lines;
};

std::vector<Source> Tree() {
  const fs::path root = kSourceRoot;
  std::vector<Source> sources;
  for (const std::string folder : {"base", "api", "http", "client", "apiserver", "controllers",
                                   "kubelet", "proxy", "dns", "cli", "skiff", "e2e"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const auto extension = entry.path().extension();
      if (!entry.is_regular_file() || (extension != ".cc" && extension != ".h")) continue;
      Source source{fs::relative(entry.path(), root).string(), folder, {}};
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) source.lines.push_back(line);
      sources.push_back(std::move(source));
    }
  }
  return sources;
}

bool IsTest(const Source& source) {
  return source.path.ends_with("_test.cc") || source.path.ends_with("_bench.cc") ||
         source.folder == "e2e";
}

TEST(TidyTest, FoldersIncludeOnlyWhatLiesBelowThem) {
  const std::map<std::string, std::set<std::string>> below = {
      {"base", {"base"}},
      {"api", {"base", "api"}},
      {"http", {"base", "http"}},
      {"client", {"base", "api", "http", "client"}},
      {"apiserver", {"base", "api", "http", "client", "apiserver"}},
      {"controllers", {"base", "api", "http", "client", "controllers"}},
      {"kubelet", {"base", "api", "http", "client", "kubelet"}},
      {"proxy", {"base", "api", "http", "client", "proxy"}},
      {"dns", {"base", "api", "http", "client", "dns"}},
      {"cli", {"base", "api", "http", "client", "cli"}}};
  const std::regex include("#include \"([a-z0-9_]+)/.*\"");
  for (const Source& source : Tree()) {
    const auto allowed = below.find(source.folder);
    if (allowed == below.end() || IsTest(source)) continue;
    for (const std::string& line : source.lines) {
      std::smatch match;
      if (!std::regex_search(line, match, include) || !below.contains(match[1])) continue;
      EXPECT_TRUE(allowed->second.contains(match[1])) << source.path << ": " << line;
    }
  }
}

TEST(TidyTest, EachLibraryIsUsedBehindItsOneDoor) {
  const std::map<std::string, std::vector<std::string>> doors = {
      {"<httplib.h>", {"http/", "client/"}},
      {"<yaml-cpp/", {"api/text/yaml", "api/compiler/"}},
      {"<rocksdb/", {"apiserver/storage/rocksdb_"}},
      {"<grpcpp/",
       {"kubelet/cri_grpc", "kubelet/csi_grpc", "kubelet/plugins/plugin_call",
        "kubelet/devices/device_grpc", "kubelet/dra/dra_grpc",
        "kubelet/pod_resources/pod_resources_grpc", "apiserver/storage/etcd_store",
        "apiserver/encryption/kms_service"}},
      {"<sodium.h>", {"apiserver/encryption/ciphers.cc"}},
      {"<spdlog/", {"base/log"}},
      {"<CLI/", {"base/flags"}},
      {"<prometheus/", {"base/metrics"}},
      {"<re2/", {"api/"}},
      {"<wslay/", {"http/"}},
      {"<nghttp2/", {"http/http2_wire.cc", "http/http2_test_client.h"}},
      {"<intel-ipsec-mb.h>", {"http/record_cipher.cc"}},
      {"<ldns/", {"dns/test_messages.h"}},
      {"<netlink/", {"kubelet/network/"}},
      {"<tl/expected.hpp>", {"base/error.h"}},
      {"<nlohmann/", {"api/"}}};
  for (const Source& source : Tree()) {
    if (IsTest(source)) continue;
    for (const std::string& line : source.lines) {
      if (!line.starts_with("#include <")) continue;
      for (const auto& [library, places] : doors) {
        if (line.find(library) == std::string::npos) continue;
        bool allowed = false;
        for (const std::string& place : places) allowed |= source.path.starts_with(place);
        EXPECT_TRUE(allowed) << source.path << ": " << line;
      }
    }
  }
}

TEST(TidyTest, FilesStayShort) {
  for (const Source& source : Tree()) {
    EXPECT_LE(source.lines.size(), kFileLinesMax) << source.path;
  }
}

// `a/{b,c}` names a/b and a/c.
std::set<std::string> FoldersOfTheMap() {
  std::ifstream in(fs::path(kSourceRoot) / "docs/ARCHITECTURE.md");
  std::set<std::string> folders;
  const std::regex name("`([a-z0-9_/]+[a-z0-9_])/?(?:\\{([a-z_,]+)\\})?`");
  for (std::string line; std::getline(in, line);) {
    const std::string cell = line.starts_with("| `") ? line.substr(0, line.find(" |", 2)) : "";
    for (std::sregex_iterator found(cell.begin(), cell.end(), name), end; found != end; ++found) {
      std::stringstream rooms((*found)[2].str());
      if (rooms.str().empty()) folders.insert((*found)[1]);
      for (std::string room; std::getline(rooms, room, ',');) {
        folders.insert((*found)[1].str() + "/" + room);
      }
    }
  }
  return folders;
}

TEST(TidyTest, EachFolderIsOnTheMap) {
  const std::set<std::string> folders = FoldersOfTheMap();
  for (const Source& source : Tree()) {
    const std::string folder = fs::path(source.path).parent_path().string();
    const bool named =
        folder == "e2e" || folder.find("testdata") != std::string::npos || folders.contains(folder);
    EXPECT_TRUE(named) << folder << " has no row in docs/ARCHITECTURE.md";
  }
}

TEST(TidyTest, FunctionsStayShort) {
  // clang-format puts the braces of a function at its own indentation: a line that ends with " {"
  // and the first following line that is "}" at the same depth.
  for (const Source& source : Tree()) {
    for (size_t i = 0; i < source.lines.size(); ++i) {
      const std::string& line = source.lines[i];
      const size_t depth = line.find_first_not_of(' ');
      if (depth == std::string::npos || depth > 4 || !line.ends_with("{")) continue;
      const std::regex signature(R"(\)( const)?( noexcept)?( override)?( REQUIRES\(.*\))? \{$)");
      if (!std::regex_search(line, signature) || line.find(" = ") != std::string::npos) continue;
      // A wrapped signature is indented deeper than the brace that ends its function.
      size_t end = i + 1;
      while (end < source.lines.size()) {
        const size_t brace = source.lines[end].find_first_not_of(' ');
        if (brace != std::string::npos && brace <= depth && source.lines[end][brace] == '}') break;
        ++end;
      }
      EXPECT_LE(end - i, kFunctionLinesMax) << source.path << ":" << i + 1;
    }
  }
}

TEST(TidyTest, ANamedTypeIsDefinedOnce) {
  // Two definitions under one name in one program: the linker keeps either, and says nothing.
  const std::regex opened(R"(^namespace( [\w:]+)? \{)");
  const std::regex type(
      R"(^(class|struct|enum class|enum) (SKIFF_TS\(.*\) )?(\w+)( final)?( :.*)?\s*\{)");
  std::map<std::string, std::string> places;  // Of each type's name with its namespaces.
  for (const Source& source : Tree()) {
    std::vector<std::string> namespaces;
    for (size_t i = 0; i < source.lines.size(); ++i) {
      const std::string& line = source.lines[i];
      std::smatch match;
      if (std::regex_search(line, match, opened)) {
        namespaces.push_back(match[1]);
      } else if (line.starts_with("}  // namespace") && !namespaces.empty()) {
        namespaces.pop_back();
      } else if (std::regex_search(line, match, type)) {
        std::string name;
        bool is_private = false;
        for (const std::string& each : namespaces) {
          is_private |= each.empty();
          name += each + "::";
        }
        if (is_private) continue;
        const std::string place = source.path + ":" + std::to_string(i + 1);
        const auto [before, is_new] = places.emplace(name + match[3].str(), place);
        EXPECT_TRUE(is_new) << before->first << " stands in " << before->second << " and in "
                            << place;
      }
    }
  }
  EXPECT_GT(places.size(), 500u);
}

TEST(TidyTest, NobodySleepsDetachesOrLeavesPromises) {
  const std::vector<std::string> banned = {"sleep_for(", "sleep_until(", "usleep(",  ".detach()",
                                           "std::cout",  "std::cerr",    "std::rand"};
  const std::regex promise(R"(\b(TODO|FIXME|XXX|HACK)\b)");
  for (const Source& source : Tree()) {
    if (source.path == "base/tidy_test.cc") continue;
    for (size_t i = 0; i < source.lines.size(); ++i) {
      for (const std::string& call : banned) {
        EXPECT_EQ(source.lines[i].find(call), std::string::npos)
            << source.path << ":" << i + 1 << ": " << call;
      }
      EXPECT_FALSE(std::regex_search(source.lines[i], promise)) << source.path << ":" << i + 1;
    }
  }
}

// A stream's iterator throws where reading fails, as of a folder, or of a process that has ended.
TEST(TidyTest, FilesAreReadByWhatSaysWhyItCannot) {
  for (const Source& source : Tree()) {
    if (IsTest(source) || source.path.starts_with("api/compiler/")) continue;
    for (size_t i = 0; i < source.lines.size(); ++i) {
      EXPECT_EQ(source.lines[i].find("istreambuf_iterator"), std::string::npos)
          << source.path << ":" << i + 1 << ": ReadWholeFile (base/whole_file.h)";
    }
  }
}

TEST(TidyTest, LinesFitTheColumnLimit) {
  const std::regex raw_begin("R\"[A-Za-z]*\\(");
  const std::regex raw_end("\\)[A-Za-z]*\"");
  for (const Source& source : Tree()) {
    bool in_raw_string = false;
    for (size_t i = 0; i < source.lines.size(); ++i) {
      const std::string& line = source.lines[i];
      if (in_raw_string) {
        in_raw_string = !std::regex_search(line, raw_end);
        continue;
      }
      std::smatch begin;
      if (std::regex_search(line, begin, raw_begin)) {
        in_raw_string = !std::regex_search(begin.suffix().first, line.end(), raw_end);
      }
      const bool cannot_break =
          line.find("R\"") != std::string::npos || line.find("#include") != std::string::npos;
      size_t columns = 0;
      for (const char c : line) columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      // A string that is an exact text of the API may stand whole.
      if (cannot_break || line.find('"') != std::string::npos) continue;
      EXPECT_LE(columns, 100u) << source.path << ":" << i + 1;
    }
  }
}

}  // namespace
}  // namespace skiff
