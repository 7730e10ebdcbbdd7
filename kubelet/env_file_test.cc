#include "kubelet/env_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

// "A=[1] B=[2]", and the problem behind.
std::string Parsed(const std::string& text) {
  const EnvFile file = ParseEnvFile(text);
  std::string out;
  for (const auto& [name, value] : file.values) {
    out += (out.empty() ? "" : " ") + name + "=[" + value + "]";
  }
  if (!file.problem.empty()) out += (out.empty() ? "" : " ") + file.problem;
  return out;
}

std::string Wrong(int line, const std::string& what) {
  return "invalid environment variable format at line " + std::to_string(line) + ": " + what;
}

TEST(ParseEnvFileTest, TakesWhatIsInSingleQuotesAsItStands) {
  EXPECT_EQ(Parsed("A='1'\nB='2'"), "A=[1] B=[2]");
  EXPECT_EQ(Parsed(" \tA='  a=\"b\" $X \\n #c  ' \t# why\n"), "A=[  a=\"b\" $X \\n #c  ]");
  EXPECT_EQ(Parsed("A='1'\r\nB='2\r\n3'#\r\n"), "A=[1] B=[2\n3]");
  EXPECT_EQ(Parsed("A='\n\n  # no comment\nX=1'\nB='2'\n"), "A=[\n\n  # no comment\nX=1] B=[2]");
  EXPECT_EQ(Parsed("A B='1'\n'='2'\n"), "'=[2] A B=[1]");
}

TEST(ParseEnvFileTest, PassesOverCommentsAndBlankLines) {
  EXPECT_EQ(Parsed("# one\n\n \t\n  # A='1'\nB=''\n"), "B=[]");
  EXPECT_EQ(Parsed(""), "");
}

TEST(ParseEnvFileTest, TheFirstOfANameCountsAndABlankAfterTheSignIsEmpty) {
  EXPECT_EQ(Parsed("A='1'\nA='2'\nB= 'x'\nB='y'\nC=\t\n"), "A=[1] B=[] C=[]");
}

TEST(ParseEnvFileTest, ReadsNothingBehindAMistake) {
  EXPECT_EQ(Parsed("A='1'\nB\nC='3'"), "A=[1] " + Wrong(2, "missing '='"));
  EXPECT_EQ(Parsed("='1'"), Wrong(1, "empty variable name"));
  EXPECT_EQ(Parsed("#\nA ='1'"), Wrong(2, "whitespace before '=' is not allowed"));
  for (const char* text : {"A=1", "A=\"1\"", "A="}) {
    EXPECT_EQ(Parsed(text), Wrong(1, "value must be enclosed in single quotes")) << text;
  }
  EXPECT_EQ(Parsed("A='1''2'"), Wrong(1, "unexpected content after closing quote"));
  EXPECT_EQ(Parsed("A='1\n2' x"), Wrong(2, "unexpected content after closing quote"));
  EXPECT_EQ(Parsed("A='1'\nB='2\n\n"), "A=[1] " + Wrong(2, "unclosed single quote"));
}

TEST(ParseEnvFileTest, LinesAreAsLongAsTheKubeletReadsThem) {
  const std::string fits(65535 - 4, 'x');
  EXPECT_EQ(ParseEnvFile("A='" + fits + "'").problem, "");
  EXPECT_EQ(ParseEnvFile("A='" + fits + "'\n").values.at("A"), fits);
  EXPECT_EQ(Parsed("#\nA='" + fits + "x'\nB='2'"), "line 2 is too long");
  EXPECT_EQ(Parsed("A='\n" + fits + "xxxxx'"), Wrong(1, "unclosed single quote"));
}

class ReadEnvFileTest : public testing::Test {
 protected:
  ReadEnvFileTest() {
    tree_.Write("volume/sub/a.env", "A='1'\n");
    tree_.Write("outside/secret.env", "A='secret'\n");
  }
  Result<EnvFile> Read(const std::string& path, size_t bytes_max = 1000) {
    return ReadEnvFile(tree_.Path("volume"), path, bytes_max);
  }
  TemporaryTree tree_;
};

TEST_F(ReadEnvFileTest, ReadsAFileOfTheVolume) {
  tree_.Link("sub/a.env", "volume/link.env");
  for (const char* path : {"sub/a.env", "./sub//a.env", "link.env"}) {
    const auto file = Read(path);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->values.at("A"), "1");
    EXPECT_EQ(file->size_bytes, 6u);
  }
  EXPECT_EQ(Read("./sub//a.env")->path, tree_.Path("volume/sub/a.env"));
  for (const char* path : {"b.env", "no/b.env"}) {
    EXPECT_EQ(Read(path).error().reason, Reason::kNotFound) << path;
  }
}

TEST_F(ReadEnvFileTest, NoLinkLeadsOutOfTheVolume) {
  tree_.Link("../outside/secret.env", "volume/up.env");
  tree_.Link("../outside", "volume/up");
  tree_.Link(tree_.Path("outside/secret.env"), "volume/absolute.env");
  tree_.Link("loop", "volume/loop");
  for (const char* path : {"up.env", "up/secret.env", "absolute.env", "../outside/secret.env",
                           "loop", "/etc/passwd"}) {
    const auto file = Read(path);
    ASSERT_FALSE(file) << path;
    EXPECT_NE(file.error().reason, Reason::kNotFound) << path;
  }
}

TEST_F(ReadEnvFileTest, OpensNothingButRegularFilesAndReadsNoMoreThanTold) {
  ASSERT_EQ(mkfifo(tree_.Path("volume/fifo").c_str(), 0666), 0);
  EXPECT_EQ(Read("fifo").error().message, "fifo is not a regular file");
  EXPECT_EQ(Read("sub").error().message, "sub is not a regular file");
  EXPECT_TRUE(Read("sub/a.env", 6));
  EXPECT_FALSE(Read("sub/a.env", 5));
}

}  // namespace
}  // namespace skiff::kubelet
