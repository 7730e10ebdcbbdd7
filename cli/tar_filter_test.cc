#include "cli/tar_filter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

namespace skiff::cli {
namespace {

std::string Padded(std::string content) {
  content.resize((content.size() + 511) / 512 * 512, '\0');
  return content;
}

std::string HeaderOf(const std::string& name, char type, size_t size,
                     const std::string& link = "") {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(124, 11, fmt::format("{:011o}", size));
  header[156] = type;
  header.replace(157, link.size(), link);
  header.replace(257, 5, "ustar");
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  header.replace(148, 7, fmt::format("{:06o}", sum) + std::string(1, '\0'));
  return header;
}

std::string Entry(const std::string& name, char type, const std::string& content,
                  const std::string& link = "") {
  return HeaderOf(name, type, content.size(), link) + Padded(content);
}

std::string Pax(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  const std::string record = std::to_string(rest.size() + 2) + rest;
  return Entry("x", 'x', record);
}

const std::string kEnd(1024, '\0');

struct Filtered {
  std::string left;
  std::vector<std::string> skipped;
  bool failed = false;
};

Filtered Filter(const std::string& archive, size_t piece) {
  Filtered out;
  TarFilter filter(
      "dir", [&](std::string_view bytes) { out.left += bytes; },
      [&](const std::string& name, const std::string& link) {
        out.skipped.push_back(name + ">" + link);
      });
  for (size_t at = 0; at < archive.size(); at += piece) filter.Take(archive.substr(at, piece));
  out.failed = filter.failed();
  return out;
}

TEST(TarFilterTest, FilesAndFoldersGoThroughAsTheyAre) {
  const std::string archive = Entry("dir/", '5', "") + Entry("dir/a", '0', std::string(1000, 'a')) +
                              Pax("mtime", "1.5") + Entry("dir/b", '0', "") +
                              Entry("dir/c", '1', "", "dir/a") + kEnd;
  for (const size_t piece : {1, 7, 512, 100'000}) {
    const Filtered out = Filter(archive, piece);
    EXPECT_EQ(out.left, archive);
    EXPECT_TRUE(out.skipped.empty());
    EXPECT_FALSE(out.failed);
  }
}

TEST(TarFilterTest, LinksAndDevicesStayBehindWithWhatIsSaidOfThem) {
  const std::string long_name(300, 'n');
  const std::string archive =
      Entry("dir/l", '2', "", "/etc") + Entry("././@LongLink", 'L', long_name + '\0') +
      Entry("cut", '2', "", "..") + Pax("path", "dir/p") + Entry("cut", '2', "", "x") +
      Entry("dir/d", '3', "") + Entry("dir/f", '6', "") + Entry("dir/h", '1', "", "other/x") +
      Entry("dir/i", '1', "", "dir/../x") + Entry("dir/j", '1', "", "/director/x");
  const std::string rest = Entry("dir/a", '0', "a") + kEnd;
  const Filtered out = Filter(archive + rest, 512);
  EXPECT_EQ(out.left, rest);
  EXPECT_EQ(out.skipped,
            (std::vector<std::string>{"dir/l>/etc", long_name + ">..", "dir/p>x", "dir/d>",
                                      "dir/f>", "dir/h>", "dir/i>", "dir/j>"}));
  EXPECT_FALSE(out.failed);
}

// What one program takes for a content another may take for the next header.
TEST(TarFilterTest, NoHeaderHidesInWhatIsReadInTwoWays) {
  const std::string link = HeaderOf("dir/l", '2', 0, "/etc");
  std::string broken = Entry("dir/a", '0', link);
  broken[0] = 'D';
  const std::string sized = Pax("size", "0");
  for (const std::string& archive :
       {broken, Entry("dir/a", '5', link), Entry("dir/a", '2', link, "x"),
        sized + sized + Entry("dir/a", '0', link), sized + kEnd + Entry("dir/a", '0', link),
        Entry("g", 'g', "9 size=0\n") + Entry("dir/a", '0', link),
        Entry("x", 'x', "99 size=0\n") + Entry("dir/a", '0', link),
        Pax("GNU.sparse.size", "0") + Entry("dir/a", '0', link),
        Pax("GNU.sparse.realsize", "0") + Entry("dir/a", '0', link), Entry("dir/a/", '0', link),
        Pax("path", "dir/a/") + Entry("dir/a", '0', link),
        Pax("path", "dir/a/") + Entry("x", 'L', "dir/a") + Entry("dir/b", '0', link),
        Entry("dir/a", 'L', std::string(2 << 20, 'a'))}) {
    const Filtered out = Filter(archive, 512);
    EXPECT_TRUE(out.failed);
    EXPECT_EQ(out.left.find("/etc"), std::string::npos);
  }
  // A content that another entry says to be none is the next header, here as for tar.
  const Filtered out = Filter(sized + Entry("dir/a", '0', link) + kEnd, 512);
  EXPECT_EQ(out.skipped, std::vector<std::string>{"dir/l>/etc"});
  EXPECT_EQ(out.left.find("/etc"), std::string::npos);
}

}  // namespace
}  // namespace skiff::cli
