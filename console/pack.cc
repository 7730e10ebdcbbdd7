// Build tool: turns the console's built files into a source of the program.
//
//   console_pack console/dist OUT.cc
//
// OUT.cc defines ConsoleFiles() (apiserver/console/console_pages.h): each file as it is and packed
// by gzip, where that is shorter, with a digest of it. The same files always make the same bytes.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "base/gzip.h"
#include "base/hash.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFileBytesMax = 4 << 20;
constexpr size_t kBytesALine = 24;

// "" for a file that a browser would not know what to do with.
std::string TypeOf(const fs::path& path) {
  static const std::map<std::string, std::string> types = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"}};
  const auto found = types.find(path.extension().string());
  return found == types.end() ? "" : found->second;
}

// Every byte in three octal digits: what follows can then not be taken for a part of it.
void WriteBytes(std::ofstream& out, const std::string& name, const std::string& bytes) {
  out << "constexpr char " << name << "[] =";
  for (size_t at = 0; at < bytes.size(); at += kBytesALine) {
    out << "\n    \"";
    for (const char byte : bytes.substr(at, kBytesALine)) {
      char text[5];
      std::snprintf(text, sizeof text, "\\%03o", static_cast<unsigned char>(byte));
      out << text;
    }
    out << '"';
  }
  out << (bytes.empty() ? " \"\";\n" : ";\n");
}

int Pack(const fs::path& folder, const fs::path& to) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::ofstream out(to, std::ios::binary);
  out << "#include \"apiserver/console/console_pages.h\"\n\nnamespace skiff {\nnamespace {\n\n";
  std::string table;
  for (size_t i = 0; i < paths.size(); ++i) {
    std::ifstream in(paths[i], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::string type = TypeOf(paths[i]);
    std::string packed = Gzip(text, GzipLevel::kSmallest);
    if (!in || type.empty() || packed.empty() || text.size() > kFileBytesMax) {
      std::fprintf(stderr, "console_pack: %s cannot be packed\n", paths[i].c_str());
      return 1;
    }
    // What is packed in itself, as fonts are.
    if (packed.size() >= text.size()) packed.clear();
    const std::string n = std::to_string(i);
    WriteBytes(out, "kPlain" + n, text);
    WriteBytes(out, "kPacked" + n, packed);
    table += "    {\"" + fs::relative(paths[i], folder).generic_string() + "\", \"" + type +
             "\", \"" + Hex(Sha256(text)).substr(0, 32) + "\",\n     {kPlain" + n + ", " +
             std::to_string(text.size()) + "}, {kPacked" + n + ", " +
             std::to_string(packed.size()) + "}},\n";
  }
  out << "constexpr ConsoleFile kFiles[] = {\n" << table << "};\n\n}  // namespace\n\n"
      << "std::span<const ConsoleFile> ConsoleFiles() {\n  return kFiles;\n}\n\n"
      << "}  // namespace skiff\n";
  return out.flush() ? 0 : 1;
}

}  // namespace
}  // namespace skiff

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: console_pack FOLDER OUT.cc\n");
    return 2;
  }
  return skiff::Pack(argv[1], argv[2]);
}
