#include "skiff/snapshot/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "apiserver/auth/pki.h"
#include "base/version.h"
#include "skiff/snapshot/program.h"

namespace skiff {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

class SnapshotArchiveTest : public testing::Test {
 protected:
  SnapshotArchiveTest() {
    fs::create_directories(root_ + "/store");
    fs::create_directories(root_ + "/data/pki");
    Put("store/000001.sst", std::string(3000, 's'));
    Put("store/CURRENT", "MANIFEST-1\n");
    Put("store/LOCK", "");
    Put("data/pki/ca.key", "key");
    Put("data/pki/ca.key.new", "half");
    Put("data/cluster.json", R"({"simulatedNodes": 3})");
    Put("data/skiff.log", "not ours to keep");
  }
  ~SnapshotArchiveTest() override { fs::remove_all(root_); }
  void Put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteWholeFile(root_ + "/" + name, text, 0600));
  }
  std::string Text(const std::string& name) { return *ReadWholeFile(root_ + "/" + name); }
  Result<SnapshotFacts> Write(bool replace = false) {
    SnapshotFacts facts{.skiff = "0.1.0", .kubernetes = kKubernetesRelease, .store_format = 1};
    facts.revision = Revision{17};
    facts.created = TimePoint(std::chrono::seconds(1'700'000'000));
    facts.cluster = Json::parse(Text("data/cluster.json"));
    return WriteSnapshot(path_, facts, root_ + "/store", root_ + "/data", replace);
  }
  // What is said of an archive with this content.
  std::string RefusalOf(const std::string& bytes) {
    Put("other.tar", bytes);
    const auto archive = SnapshotArchive::Open(root_ + "/other.tar");
    const Result<> whole = archive ? archive->Extract("") : Fail(archive.error());
    return whole ? "" : whole.error().message;
  }

  const std::string root_ = testing::TempDir() + "/skiff-snapshot-" + std::to_string(getpid());
  const std::string path_ = root_ + "/x.tar";
};

TEST_F(SnapshotArchiveTest, GivesBackWhatWasSaved) {
  ASSERT_TRUE(Write());
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write)
      << "keys are in it";
  const auto archive = SnapshotArchive::Open(path_);
  ASSERT_TRUE(archive) << archive.error().message;
  const SnapshotFacts& facts = archive->facts();
  EXPECT_EQ(facts.revision, Revision{17});
  EXPECT_EQ(facts.created, TimePoint(std::chrono::seconds(1'700'000'000)));
  EXPECT_EQ(facts.SimulatedNodes(), 3);
  std::vector<std::string> names;
  for (const SnapshotFile& file : facts.files) names.push_back(file.name);
  EXPECT_THAT(names,
              ElementsAre("cluster.json", "pki/ca.key", "store/000001.sst", "store/CURRENT"));
  ASSERT_TRUE(archive->Extract(root_ + "/out"));
  for (const auto& [name, source] : {std::pair{"pki/ca.key", "data/pki/ca.key"},
                                     std::pair{"store/000001.sst", "store/000001.sst"},
                                     std::pair{"cluster.json", "data/cluster.json"}}) {
    EXPECT_EQ(Text(std::string("out/") + name), Text(source));
  }
}

TEST_F(SnapshotArchiveTest, WhatGoesWrongIsToldOfTheFileThatWasAskedFor) {
  const std::string path = root_ + "/none/x.tar";
  const auto refused = WriteSnapshot(path, {}, root_ + "/store", root_ + "/data", false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, path + ": No such file or directory");
}

TEST_F(SnapshotArchiveTest, ReplacesNothingUnlessItIsToldTo) {
  Put("x.tar", "an older one");
  const auto refused = Write();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("x.tar is there already"));
  EXPECT_EQ(Text("x.tar"), "an older one");
  EXPECT_TRUE(Write(/*replace=*/true));
  EXPECT_TRUE(SnapshotArchive::Open(path_));
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 3) << "nothing unfinished is left";
}

TEST_F(SnapshotArchiveTest, ReplacesNothingThatIsNoFile) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  for (const bool replace : {false, true}) {
    const auto refused = Write(replace);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("x.tar is no file: choose another name, or -"));
  }
  EXPECT_TRUE(fs::is_fifo(path_));
}

TEST_F(SnapshotArchiveTest, ReplacesWhatALinkLeadsTo) {
  Put("real.tar", "an older one");
  fs::create_symlink("real.tar", path_);
  EXPECT_FALSE(Write());
  EXPECT_TRUE(Write(/*replace=*/true));
  EXPECT_TRUE(fs::is_symlink(path_));
  EXPECT_TRUE(SnapshotArchive::Open(root_ + "/real.tar"));
}

TEST_F(SnapshotArchiveTest, IsRefusedWhereverItIsCutOff) {
  ASSERT_TRUE(Write());
  const std::string whole = Text("x.tar");
  EXPECT_EQ(RefusalOf(whole), "");
  // Without its end alone nothing of it is missing.
  constexpr size_t kEndBytes = 1024;
  const size_t last = whole.size() - kEndBytes - 512 - 512;  // Of store/CURRENT.
  for (size_t size = 0; size <= last; size += 100) {
    const std::string refusal = RefusalOf(whole.substr(0, size));
    EXPECT_THAT(refusal,
                AnyOf(HasSubstr("other.tar is cut off"), HasSubstr("other.tar is damaged: "),
                      HasSubstr("other.tar is no snapshot: ")))
        << size;
    EXPECT_EQ(SnapshotArchive::Begins(root_ + "/other.tar"), size >= 100);
  }
  EXPECT_THAT(RefusalOf(whole.substr(0, last + 512)), HasSubstr("cut off, within store/CURRENT"));
}

TEST_F(SnapshotArchiveTest, WhatIsCutOffIsListedAmongTheOthers) {
  ASSERT_TRUE(Write());
  const std::string whole = Text("x.tar");
  Put("data/a.tar", whole.substr(0, whole.size() / 2));
  Put("data/b.tar", whole);
  Put("data/c.tar", whole.substr(0, 300));
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(SnapshotMain({"ls", root_ + "/data", "--data-dir=" + root_ + "/none"}), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_THAT(
      testing::internal::GetCapturedStdout(),
      AllOf(ContainsRegex("/a.tar +2023-11-14T22:13:20Z +17 +3 simulated .* cut off[,:] "),
            ContainsRegex("/b.tar +2023-11-14T22:13:20Z +17 +3 simulated .* whole\n"),
            ContainsRegex("/c.tar +- +- +- +- +- +damaged: "), Not(HasSubstr("skiff.log"))));
}

TEST_F(SnapshotArchiveTest, IsRefusedWhereAByteIsNotWhatItWas) {
  ASSERT_TRUE(Write());
  std::string bytes = Text("x.tar");
  bytes[bytes.find("sssss") + 1000] = 'x';
  EXPECT_THAT(RefusalOf(bytes), HasSubstr("is damaged: store/000001.sst is not what was saved"));
  bytes = Text("x.tar");
  bytes[bytes.find("pki/ca.key\0", 0, 11)] = 'q';
  EXPECT_THAT(RefusalOf(bytes), HasSubstr("not a tar archive, or a damaged one"));
}

TEST_F(SnapshotArchiveTest, OtherFilesAreNoSnapshots) {
  EXPECT_THAT(RefusalOf("hello"), HasSubstr("is no snapshot: not a tar archive"));
  EXPECT_THAT(RefusalOf(""), HasSubstr("is no snapshot"));
  TarWriter tar;
  tar.AddFile("README", 0644, "hello");
  EXPECT_THAT(RefusalOf(tar.Finish()), HasSubstr("is a tar archive, but no snapshot"));
  for (const char* text : {"", "[]", "{}", R"({"format": -1})", R"({"format": 1, "files": 7})",
                           R"({"format": 1, "files": [{"name": "store/x"}]})"}) {
    TarWriter empty;
    empty.AddFile("skiff-snapshot.json", 0600, text);
    EXPECT_THAT(RefusalOf(empty.Finish()), HasSubstr("is damaged")) << text;
  }
  const std::string deep(1'000'000, '[');
  TarWriter nested;
  nested.AddFile(
      "skiff-snapshot.json", 0600,
      R"({"format": 1, "files": [], "cluster": )" + deep + std::string(deep.size(), ']') + "}");
  EXPECT_THAT(RefusalOf(nested.Finish()), HasSubstr("is damaged"));
  const auto folder = SnapshotArchive::Open(root_);
  EXPECT_THAT(folder.error().message, HasSubstr("is no file"));
  EXPECT_EQ(SnapshotArchive::Open(root_ + "/none").error().reason, Reason::kNotFound);
}

TEST_F(SnapshotArchiveTest, NothingIsWrittenElsewhere) {
  for (const char* name :
       {"store/../../x", "/etc/passwd", "store/", "store/..", "skiff.log", "pki/a/b", "..", ""}) {
    EXPECT_FALSE(IsSnapshotName(name)) << name;
    TarWriter tar;
    const Json facts = {{"format", 1}, {"files", {{{"name", name}, {"size", 0}, {"sha256", ""}}}}};
    tar.AddFile("skiff-snapshot.json", 0600, facts.dump());
    EXPECT_THAT(RefusalOf(tar.Finish()), HasSubstr("is damaged")) << name;
  }
  // What the archive has beside what it says of itself.
  ASSERT_TRUE(Write());
  TarWriter more;
  more.AddFile("store/more", 0600, "");
  std::string bytes = Text("x.tar");
  bytes.resize(bytes.size() - 1024);
  EXPECT_THAT(RefusalOf(bytes + more.Finish()), HasSubstr("nothing was said of store/more"));
}

TEST_F(SnapshotArchiveTest, AStrangersWordsAreNoCommands) {
  const Json plain = {{"format", 1},
                      {"skiff", "0.1.0"},
                      {"kubernetes", "v1.35.6"},
                      {"cluster", {{"serviceCidr", "10.96.0.0/12,fd00::/112"}}},
                      {"files", Json::array()}};
  const auto refusal = [&](const Json& facts) {
    TarWriter tar;
    tar.AddFile("skiff-snapshot.json", 0600, facts.dump());
    return RefusalOf(tar.Finish());
  };
  EXPECT_EQ(refusal(plain), "");
  for (const char* place : {"/kubernetes", "/skiff", "/cluster/serviceCidr"}) {
    for (const char* text : {"\x1b[2Jx", "x;y", "$(x)", "x y", "x\ny"}) {
      Json facts = plain;
      facts[Json::json_pointer(place)] = text;
      EXPECT_THAT(refusal(facts), HasSubstr("is damaged")) << place << text;
    }
  }
  EXPECT_FALSE(IsSnapshotName("store/\x1b[2J"));
  TarWriter tar;
  tar.AddFile("skiff-snapshot.json", 0600, plain.dump());
  tar.AddFile("\x1b[2J", 0600, "");
  EXPECT_THAT(RefusalOf(tar.Finish()), Not(HasSubstr("\x1b")));
}

TEST_F(SnapshotArchiveTest, WhatANewerProgramWroteIsRefused) {
  SnapshotFacts facts{.skiff = "9.0.0", .kubernetes = kKubernetesRelease, .store_format = 1};
  EXPECT_TRUE(CheckSnapshotVersions(facts));
  facts.kubernetes = "v1.34.9";
  EXPECT_TRUE(CheckSnapshotVersions(facts));
  facts.kubernetes = "v1.36.0";
  EXPECT_THAT(CheckSnapshotVersions(facts).error().message,
              HasSubstr("skiff 9.0.0 wrote it, with the API of Kubernetes v1.36.0"));
  facts.kubernetes = kKubernetesRelease;
  facts.store_format = 2;
  EXPECT_THAT(CheckSnapshotVersions(facts).error().message, HasSubstr("storage format 2"));
  facts.format = 2;
  EXPECT_THAT(CheckSnapshotVersions(facts).error().message, HasSubstr("snapshot format 2"));
}

TEST_F(SnapshotArchiveTest, AStreamGetsTheSameArchive) {
  SnapshotFacts facts{.skiff = "0.1.0", .kubernetes = kKubernetesRelease, .store_format = 1};
  facts.revision = Revision{17};
  const std::string streamed = root_ + "/streamed.tar";
  // A pipe takes neither a sync nor a place within it.
  FILE* pipe = popen(("cat > " + streamed).c_str(), "w");
  ASSERT_NE(pipe, nullptr);
  const auto saved = StreamSnapshot(fileno(pipe), "pipe", facts, root_ + "/store", root_ + "/data");
  pclose(pipe);
  ASSERT_TRUE(saved) << saved.error().message;
  const auto archive = SnapshotArchive::Open(streamed);
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_EQ(archive->facts().revision, Revision{17});
  EXPECT_TRUE(archive->Extract(""));
}

}  // namespace
}  // namespace skiff
