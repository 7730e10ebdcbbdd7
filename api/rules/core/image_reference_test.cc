#include "api/rules/core/image_reference.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(ImageTag, IsLatestWithoutTagAndDigest) {
  EXPECT_EQ(ImageTag("nginx"), "latest");
  EXPECT_EQ(ImageTag("registry.k8s.io/e2e-test-images/agnhost"), "latest");
  EXPECT_EQ(ImageTag("localhost:5000/a/b"), "latest");
  EXPECT_EQ(ImageTag("[fd00::1]:5000/app"), "latest");
}

TEST(ImageTag, IsTheGivenTag) {
  EXPECT_EQ(ImageTag("nginx:1.27"), "1.27");
  EXPECT_EQ(ImageTag("registry.example.com:5000/team/app_x:v1.0-rc.1"), "v1.0-rc.1");
}

TEST(ImageTag, IsEmptyWithOnlyADigest) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  EXPECT_EQ(ImageTag("nginx" + digest), "");
  EXPECT_EQ(ImageTag("nginx:latest" + digest), "latest");
}

TEST(ImageTag, IsEmptyWhenTheNameIsNoImage) {
  for (const char* image : {"", "Nginx", "a//b", "nginx:", "nginx:-x", "nginx@sha256:12", "a b",
                            "a___b", "a..b", "-a", "a-", "exa_mple.com:x/app"}) {
    EXPECT_EQ(ImageTag(image), "") << image;
  }
}

}  // namespace
}  // namespace skiff
