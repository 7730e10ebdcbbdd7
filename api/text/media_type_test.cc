#include "api/text/media_type.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(MediaTypeTest, WhatIsWrongIsSaidAsGoDoes) {
  for (const char* well : {"application/json", "text", "nonsense", " Text/Plain ; charset=utf-8;",
                           "a/b;c=\"d;e\\\"f\"", "a/b; c=d; C=d", "a/b;", "a/b ; ", "a/b;c=\"\""}) {
    EXPECT_EQ(MediaTypeFault(well), std::nullopt) << well;
  }
  const std::pair<const char*, const char*> wrong[] = {
      {"", "mime: no media type"},
      {";charset=utf-8", "mime: no media type"},
      {"/json", "mime: no media type"},
      {"text plain", "mime: expected slash after first token"},
      {"text/", "mime: expected token after slash"},
      {"text/plain, text/html", "mime: unexpected content after media subtype"},
      {"a/b/c", "mime: unexpected content after media subtype"},
      {"a/b; c", "mime: invalid media parameter"},
      {"a/b; =c", "mime: invalid media parameter"},
      {"a/b; c=", "mime: invalid media parameter"},
      {"a/b; c=\"d", "mime: invalid media parameter"},
      {"a/b; c=d e", "mime: invalid media parameter"},
      {"a/b; c=d; c=e", "mime: duplicate parameter name"}};
  for (const auto& [text, fault] : wrong) EXPECT_EQ(MediaTypeFault(text), fault) << text;
}

}  // namespace
}  // namespace skiff
