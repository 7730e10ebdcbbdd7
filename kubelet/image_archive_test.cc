#include "kubelet/image_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/values.h"
#include "kubelet/image_pack.h"
#include "kubelet/tar.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<std::vector<ArchivedImage>> Read(const std::string& bytes) {
  const int file = memfd_create("archive", MFD_CLOEXEC);
  EXPECT_EQ(write(file, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  auto images = ReadImageArchive(file);
  close(file);
  return images;
}

ImageSource Hello() {
  return {.names = {"hello", "skiff.local/hello:1"},
          .files = {{.path = "usr/bin/hello", .mode = 0755, .content = "hello"}},
          .entrypoint = {"/usr/bin/hello"},
          .environment = {"A=b"},
          .exposed_ports = {"80/tcp"},
          .labels = {{"k", "v"}},
          .user = "7",
          .stop_signal = "SIGINT"};
}

TEST(ImageArchiveTest, WhatIsPackedIsRead) {
  const auto archive = PackImage(Hello());
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_EQ(*archive, *PackImage(Hello())) << "the same source gives the same bytes";
  const auto images = Read(*archive);
  ASSERT_TRUE(images) << images.error().message;
  ASSERT_EQ(images->size(), 1u);
  const ArchivedImage& image = images->front();
  EXPECT_THAT(image.names, ElementsAre("docker.io/library/hello:latest", "skiff.local/hello:1"));
  const Json config = Json::parse(image.config.content);
  EXPECT_EQ(config["config"]["Entrypoint"], Json({"/usr/bin/hello"}));
  EXPECT_EQ(config["config"]["Env"], Json({"A=b"}));
  EXPECT_EQ(config["config"]["User"], "7");
  EXPECT_EQ(config["config"]["StopSignal"], "SIGINT");
  EXPECT_TRUE(config["config"]["ExposedPorts"].contains("80/tcp"));
  ASSERT_EQ(image.layers.size(), 1u);
  const ArchivedBlob& layer = image.layers[0];
  EXPECT_EQ(DigestOf(archive->substr(layer.offset, layer.size)), layer.digest);
  EXPECT_EQ(config["rootfs"]["diff_ids"], Json({layer.digest}));
}

TEST(ImageArchiveTest, ABadNameIsRefused) {
  EXPECT_EQ(PackImage({.names = {"Hello"}}).error().reason, Reason::kInvalid);
}

TEST(ImageArchiveTest, IndexesThatNameEachOtherManyTimesAreRefused) {
  TarWriter tar;
  const auto index_of = [&](const std::string& document) {
    tar.AddFile(BlobPath(DigestOf(document)), 0644, document);
    const Json one = {{"mediaType", kOciIndex}, {"digest", DigestOf(document)}};
    return Json({{"manifests", std::vector<Json>(400, one)}}).dump();
  };
  const std::string outer = index_of(index_of(R"({"manifests": []})"));
  tar.AddFile("index.json", 0644, outer);
  EXPECT_THAT(Read(tar.Finish()).error().message, HasSubstr("its manifests are too many"));
}

TEST(ImageArchiveTest, DockersOwnLayoutIsReadWithSharedLayers) {
  TarWriter layer;
  layer.AddFile("x", 0644, "x");
  const std::string bytes = layer.Finish();
  const std::string config =
      Json{{"architecture", ImageArchitecture()}, {"rootfs", {{"type", "layers"}}}}.dump();
  TarWriter tar;
  tar.AddFolder("aaa", 0755);
  tar.AddFile("aaa/layer.tar", 0644, bytes);
  tar.AddFolder("bbb", 0755);
  tar.AddSymlink("bbb/layer.tar", "../aaa/layer.tar");
  tar.AddFile("ccc.json", 0644, config);
  tar.AddFile("manifest.json", 0644,
              R"([{"Config":"ccc.json","RepoTags":["app:2"],)"
              R"("Layers":["aaa/layer.tar","bbb/layer.tar"]}])");
  const auto images = Read(tar.Finish());
  ASSERT_TRUE(images) << images.error().message;
  ASSERT_EQ(images->size(), 1u);
  const ArchivedImage& image = images->front();
  EXPECT_THAT(image.names, ElementsAre("docker.io/library/app:2"));
  ASSERT_EQ(image.layers.size(), 2u);
  EXPECT_EQ(image.layers[0].digest, DigestOf(bytes));
  EXPECT_EQ(image.layers[1].offset, image.layers[0].offset);
  const Json manifest = Json::parse(image.manifest.content);
  EXPECT_EQ(manifest["config"]["digest"], DigestOf(config));
  EXPECT_EQ(manifest["layers"][0]["digest"], DigestOf(bytes));
  EXPECT_EQ(image.manifest.digest, DigestOf(image.manifest.content));
}

// An OCI layout whose index leads through a nested one to an image for each of two machines.
std::string TwoMachines(std::string_view other) {
  TarWriter tar;
  Json nested = {{"schemaVersion", 2}, {"manifests", Json::array()}};
  const auto add = [&](const std::string& content) {
    tar.AddFile("blobs/sha256/" + DigestOf(content).substr(7), 0644, content);
    return Json{{"digest", DigestOf(content)}, {"size", content.size()}};
  };
  for (const std::string_view machine : {ImageArchitecture(), other}) {
    Json config = add(Json{{"architecture", machine}}.dump());
    Json manifest = add(Json{{"config", config}, {"layers", Json::array()}}.dump());
    manifest["mediaType"] = "application/vnd.oci.image.manifest.v1+json";
    manifest["platform"] = {{"architecture", machine}, {"os", "linux"}};
    nested["manifests"].push_back(manifest);
  }
  Json index = add(nested.dump());
  index["mediaType"] = "application/vnd.oci.image.index.v1+json";
  index["annotations"] = {{"org.opencontainers.image.ref.name", "example.com/app:3"}};
  tar.AddFile("index.json", 0644, Json{{"manifests", {index}}}.dump());
  return tar.Finish();
}

TEST(ImageArchiveTest, OnlyTheImageForThisMachineIsTaken) {
  const auto images = Read(TwoMachines("s390x"));
  ASSERT_TRUE(images) << images.error().message;
  ASSERT_EQ(images->size(), 1u);
  EXPECT_THAT(images->front().names, ElementsAre("example.com/app:3"));
  EXPECT_THAT(images->front().config.content, HasSubstr(std::string(ImageArchitecture())));
}

TEST(ImageArchiveTest, DamageAndMissingPartsAreFound) {
  std::string damaged = PackImage(Hello()).value();
  const size_t at = damaged.find("\"Entrypoint\"");
  ASSERT_NE(at, std::string::npos);
  damaged[at + 1] = 'e';
  EXPECT_THAT(Read(damaged).error().message, HasSubstr(" is damaged"));
  TarWriter empty;
  empty.AddFile("readme", 0644, "nothing");
  EXPECT_THAT(Read(empty.Finish()).error().message, HasSubstr("neither index.json nor"));
  TarWriter missing;
  missing.AddFile("manifest.json", 0644, R"([{"Config":"gone.json","Layers":[]}])");
  EXPECT_THAT(Read(missing.Finish()).error().message, HasSubstr("gone.json is missing"));
}

// Whoever made the archive need not mean well.
TEST(ImageArchiveTest, DocumentsThatAreNoneEndNothing) {
  TarWriter list;
  const std::string manifest = "[]";
  const std::string digest = DigestOf(manifest);
  list.AddFile(BlobPath(digest), 0644, manifest);
  list.AddFile("index.json", 0644,
               R"({"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
               R"("digest":")" + digest + R"("}]})");
  EXPECT_THAT(Read(list.Finish()).error().message, HasSubstr("is no JSON object"));
  constexpr size_t kDepth = 3'000'000;
  TarWriter deep;
  deep.AddFile("index.json", 0644,
               R"({"manifests":)" + std::string(kDepth, '[') + std::string(kDepth, ']') + "}");
  EXPECT_THAT(Read(deep.Finish()).error().message, HasSubstr("index.json is not JSON"));
}

}  // namespace
}  // namespace skiff
