#include "cli/compose/env_file.h"

#include <gtest/gtest.h>

namespace skiff::cli::compose {
namespace {

// "A=1|B=2": what a file says, for somebody who has HOST=host.
std::string Says(const std::string& text, bool raw = false) {
  const Lookup lookup = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOST") return "host";
    return std::nullopt;
  };
  const auto variables = ParseEnvFile(".env", text, {.lookup = lookup, .raw = raw});
  if (!variables) return variables.error().message;
  std::string out;
  for (const auto& [name, value] : *variables) {
    out += (out.empty() ? "" : "|") + name + "=" + value;
  }
  return out;
}

TEST(EnvFileTest, ReadsLinesAndPassesOverCommentsAndBlanks) {
  EXPECT_EQ(Says("# one\n\nA=1\n  B = two words  \nexport C=3\nD=\nE: 5\n"),
            "A=1|B=two words|C=3|D=|E=5");
  EXPECT_EQ(Says("A=x#y\nB=x # y\nC=#\r\n"), "A=x#y|B=x|C=#");
  EXPECT_EQ(Says("A=#ff0000\nB= # c\nC=x\t# y\n"), "A=#ff0000|B=# c|C=x\t# y");
  EXPECT_EQ(Says("\xef\xbb\xbf" "A=1\r\nB=2\r\n"), "A=1|B=2");
  EXPECT_EQ(Says("A=1\nA=2\n"), "A=2");
}

TEST(EnvFileTest, QuotesKeepWhatIsInside) {
  EXPECT_EQ(Says("A='a # $B \\n'\nB=\"x\\ty\\\"\" # c\n"), "A=a # $B \\n|B=x\ty\"");
  EXPECT_EQ(Says("KEY=\"one\ntwo\"\nB=1\n"), "KEY=one\ntwo|B=1");
  EXPECT_EQ(Says("A=\"\\$HOME\"\n"), "A=$HOME");
  EXPECT_EQ(Says("A='it\\'s'\nB='a\\\\'\n"), "A=it's|B=a\\\\");
  EXPECT_EQ(Says("A=\"\\v\\0101\\07\\q\\\\\"\n"), "A=\vA\\7\\q\\");
}

TEST(EnvFileTest, VariablesStandForEarlierOnesAndForOurs) {
  EXPECT_EQ(Says("A=1\nB=$A-${HOST}-${C:-c}\n"), "A=1|B=1-host-c");
  EXPECT_EQ(Says("A='$HOST'\nB=p$\n"), "A=$HOST|B=p$");
  EXPECT_EQ(Says("HOST\nNOBODYS\n"), "HOST=host");
}

TEST(EnvFileTest, RawOnesAreTakenAsTheyAre) {
  EXPECT_EQ(Says("A=$HOST 'x'\n", /*raw=*/true), "A=$HOST 'x'");
  EXPECT_EQ(Says("  A= two # no comment \r\n\t# one\n\nB=\"x\n", /*raw=*/true),
            "A= two # no comment |B=\"x");
  EXPECT_EQ(Says("A:B=1:2\nC=D=E\nHOST\nNOBODYS\n", /*raw=*/true), "A:B=1:2|C=D=E|HOST=host");
  EXPECT_EQ(Says("A=1\nB =1\n", /*raw=*/true),
            ".env:2: unexpected character in variable name \"B \"");
  EXPECT_EQ(Says("=1\n", /*raw=*/true), ".env:1: unexpected character in variable name \"\"");
}

TEST(EnvFileTest, WhatVariablesComeToIsBounded) {
  std::string file = "A=" + std::string(1 << 19, 'x') + "\n";
  for (int i = 0; i < 1000; ++i) file += "B" + std::to_string(i) + "=$A\n";
  EXPECT_EQ(Says(file), ".env:17: variables make more than 8388608 bytes of the file");
  // A dollar that begins nothing stays, and costs no more than others.
  std::string open;
  while (open.size() < 1 << 19) open += "${";
  EXPECT_EQ(Says("A=" + open + "\n"), "A=" + open);
}

TEST(EnvFileTest, SaysInWhichLineItIsWrong) {
  EXPECT_EQ(Says("A=1\nB C=1\n"), ".env:2: unexpected character in variable name \"B C\"");
  EXPECT_EQ(Says("A=\"one\ntwo\"\nB='x\n"), ".env:3: unterminated quoted value");
  EXPECT_EQ(Says("A='x'y\n"), ".env:1: unexpected \"y\" behind a quoted value");
  EXPECT_EQ(Says("A=\xe9\n"), ".env: it is not UTF-8");
  EXPECT_EQ(Says("A=${HOST?\n=1\n"), ".env:2: unexpected character in variable name \"\"");
}

}  // namespace
}  // namespace skiff::cli::compose
