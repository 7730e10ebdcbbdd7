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

std::string Full(std::string_view text) {
  const auto name = ParseImageName(text);
  return name ? name->Text() : "error: " + name.error().message;
}

TEST(ImageNameTest, FillsInDomainRepositoryAndTag) {
  EXPECT_EQ(Full("busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(Full("busybox:1.35"), "docker.io/library/busybox:1.35");
  EXPECT_EQ(Full("docker.io/busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(Full("index.docker.io/a/b"), "docker.io/a/b:latest");
  EXPECT_EQ(Full("example/app:1"), "docker.io/example/app:1");
  EXPECT_EQ(Full("skiff.local/nautilus:1.0"), "skiff.local/nautilus:1.0");
  EXPECT_EQ(Full("localhost/x"), "localhost/x:latest");
  EXPECT_EQ(Full("127.0.0.1:5000/a/b-c__d.e:v1"), "127.0.0.1:5000/a/b-c__d.e:v1");
}

TEST(ImageNameTest, ADigestTakesThePlaceOfTheTag) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(Full("a.b/c@" + digest), "a.b/c@" + digest);
  EXPECT_EQ(Full("a.b/c:1@" + digest), "a.b/c@" + digest);
}

TEST(ImageNameTest, RefusesWithDockersWords) {
  EXPECT_EQ(Full(""), "error: invalid reference format");
  EXPECT_EQ(Full("a b"), "error: invalid reference format");
  EXPECT_EQ(Full("-a"), "error: invalid reference format");
  EXPECT_EQ(Full("a/"), "error: invalid reference format");
  EXPECT_EQ(Full("a..b"), "error: invalid reference format");
  EXPECT_EQ(Full("a:"), "error: invalid reference format");
  EXPECT_EQ(Full("a@sha256:abc"), "error: invalid reference format");
  EXPECT_EQ(Full("Busybox"),
            "error: invalid reference format: repository name (library/Busybox) must be lowercase");
  EXPECT_EQ(Full("a@sha256:" + std::string(63, 'a')), "error: invalid checksum digest length");
  EXPECT_EQ(Full("a@md5:" + std::string(32, 'a')), "error: unsupported digest algorithm");
  EXPECT_EQ(Full("x/" + std::string(300, 'a')),
            "error: repository name must not be more than 255 characters");
  EXPECT_EQ(Full(std::string(64, 'a')), "error: invalid repository name (" + std::string(64, 'a') +
                                            "), cannot specify 64-byte hexadecimal strings");
}

}  // namespace
}  // namespace skiff
