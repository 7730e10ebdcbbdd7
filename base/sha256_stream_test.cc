#include "base/sha256_stream.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace skiff {
namespace {

TEST(Sha256StreamTest, PiecesGiveWhatTheWholeGives) {
  Sha256Stream nothing;
  EXPECT_EQ(nothing.Finish(), Sha256(""));
  const std::string text(100'000, 'x');
  Sha256Stream pieces;
  pieces.Add(text.substr(0, 7));
  pieces.Add("");
  pieces.Add(text.substr(7));
  EXPECT_EQ(pieces.Finish(), Sha256(text));
}

}  // namespace
}  // namespace skiff
