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

}  // namespace
}  // namespace skiff
