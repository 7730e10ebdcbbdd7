#include "base/pem_blocks.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(PemBlocks, OnlyThoseThatAreWholeAndNoBase64AreTakenOut) {
  const std::string good = "-----BEGIN A-----\nAAAA\nBB==\n-----END A-----\n";
  const std::string bad = "-----BEGIN A-----\nAAA!\n-----END A-----\n";
  const std::string cut = "-----BEGIN A-----\nAA\n";
  EXPECT_EQ(WithoutBrokenBlocks("# one\n" + bad + good + "# two\n" + bad),
            "# one\n" + good + "# two\n");
  for (const std::string& kept :
       {std::string(), good + cut, cut + good, cut + "A" + good, "- " + bad, good + good}) {
    EXPECT_EQ(WithoutBrokenBlocks(kept), kept);
  }
}

TEST(PemBlocks, CertificatesAreFoundBehindWhatIsNone) {
  const auto block = [](const std::string& type, const std::string& body) {
    return "-----BEGIN " + type + "-----\n" + body + "\n-----END " + type + "-----\n";
  };
  const std::string one = block("CERTIFICATE", "AAAA"), other = block("CERTIFICATE", "BB==");
  const std::string text = "-----BEGIN CERTIFICATE-----\nAA\n" + one + "words\n" +
                           block("CERTIFICATE", "a: b\n\nAAAA") + block("KEY", "AAAA") +
                           block("CERTIFICATE", "AA!A") + other + "-----BEGIN CERTIFICATE-----\n";
  EXPECT_EQ(CertificateBlocks(text), (std::vector<std::string_view>{one, other}));
  EXPECT_TRUE(CertificateBlocks("").empty());
}

}  // namespace
}  // namespace skiff
