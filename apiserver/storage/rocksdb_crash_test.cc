// On the real disk: kill -9 in the middle of writing leaves what was acknowledged.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "apiserver/storage/rocksdb_store.h"

namespace skiff {
namespace {

constexpr const char* kPathVariable = "SKIFF_CRASH_TEST_STORE";

// Not a test: the child of the one below. A process of its own and not a fork, since RocksDB's
// threads do not survive one. Writes until it is killed, and names what was acknowledged.
TEST(RocksdbCrashChild, DISABLED_WritesUntilItIsKilled) {
  const char* path = std::getenv(kPathVariable);
  ASSERT_NE(path, nullptr);
  SystemClock clock;
  const auto store = RocksdbStore::Open({.path = path}, clock);
  ASSERT_TRUE(store) << store.error().message;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        const std::string key = fmt::format("/{}/{}", t, i % 50);
        const bool remove = t % 2 == 0 && i % 7 == 6 && (*store)->Get(key);
        Write write{.key = key};
        if (!remove) write.value = fmt::format("{}:{}", i, std::string(2000, 'x'));
        const auto then = [key, remove, i](const Result<Written>& written) {
          if (!written) _exit(1);
          const auto line = fmt::format("!{} {} {}\n", key, remove ? "-" : std::to_string(i),
                                        written->revision.value);
          if (::write(STDOUT_FILENO, line.data(), line.size()) != ssize_t(line.size())) _exit(1);
        };
        // Two of the threads wait for what they write, and only they remove.
        if (t % 2 == 0) {
          then((*store)->Apply(std::move(write)));
        } else {
          (*store)->ApplyLater(std::move(write), then);
        }
      }
    });
  }
}

struct Acknowledged {
  std::string value;  // "-": deleted.
  uint64_t revision = 0;
};

class RocksdbCrashTest : public testing::Test {
 protected:
  RocksdbCrashTest() {
    char name[] = "/tmp/skiff-crash-XXXXXX";
    CHECK(mkdtemp(name) != nullptr);
    folder_ = name;
  }
  ~RocksdbCrashTest() override { std::filesystem::remove_all(folder_); }

  // Runs the child until `acknowledgements` were read, kills it, and takes all that it had said.
  void RunChild(int acknowledgements) {
    int out[2];
    ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    std::string program = std::filesystem::read_symlink("/proc/self/exe");
    std::string filter = "--gtest_filter=RocksdbCrashChild.*";
    std::string disabled = "--gtest_also_run_disabled_tests";
    char* arguments[] = {program.data(), filter.data(), disabled.data(), nullptr};
    setenv(kPathVariable, StorePath().c_str(), 1);
    pid_t child = 0;
    ASSERT_EQ(posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    FILE* lines = fdopen(out[0], "r");
    char line[256];
    int seen = 0;
    while (fgets(line, sizeof line, lines) != nullptr) {
      if (line[0] != '!') continue;  // gtest speaks on the same stream.
      Note(line + 1);
      if (++seen == acknowledgements) kill(child, SIGKILL);
    }
    fclose(lines);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    ASSERT_GE(seen, acknowledgements);
  }

  void Note(const std::string& line) {
    std::istringstream in(line);
    std::string key;
    Acknowledged acknowledged;
    in >> key >> acknowledged.value >> acknowledged.revision;
    newest_ = std::max(newest_, acknowledged.revision);
    auto& entry = acknowledged_[key];
    if (entry.revision < acknowledged.revision) entry = acknowledged;
  }

  // Each key holds what was acknowledged last, or something newer that was not acknowledged yet.
  void Check(RocksdbStore& store) {
    EXPECT_GE(store.Current().value, newest_);
    for (const auto& [key, expected] : acknowledged_) {
      const auto record = store.Get(key, Revision{newest_});
      if (expected.value == "-") {
        EXPECT_TRUE(!record || (*record)->modified.value > expected.revision) << key;
        continue;
      }
      if (!record) {
        // Deleted by a later write that could not report any more.
        EXPECT_TRUE(DeletedAfter(store, key, expected.revision)) << key;
        continue;
      }
      EXPECT_GE((*record)->modified.value, expected.revision) << key;
      if ((*record)->modified.value != expected.revision) continue;
      EXPECT_TRUE((*record)->value.starts_with(expected.value + ":")) << key;
    }
  }

  static bool DeletedAfter(RocksdbStore& store, const std::string& key, uint64_t revision) {
    auto cursor = store.Watch(key, Revision{revision}, nullptr);
    std::vector<EventPtr> events;
    EXPECT_TRUE((*cursor)->Next(SIZE_MAX / 2, events));
    return std::ranges::any_of(events, [&](const EventPtr& event) {
      return event->kind == Event::Kind::kDelete && event->record->key == key;
    });
  }

  // Nothing is missing in the history either.
  static void CheckHistory(RocksdbStore& store) {
    auto cursor = store.Watch("/", Revision{1}, nullptr);
    ASSERT_TRUE(cursor);
    std::vector<EventPtr> events;
    for (uint64_t next = 2; next <= store.Current().value;) {
      events.clear();
      ASSERT_TRUE((*cursor)->Next(256, events));
      ASSERT_FALSE(events.empty());
      for (const auto& event : events) ASSERT_EQ(event->revision.value, next++);
    }
  }

  std::string StorePath() const { return folder_ + "/made/on/the/way/store"; }

  std::string folder_;
  SystemClock clock_;
  std::map<std::string, Acknowledged> acknowledged_;
  uint64_t newest_ = 1;
};

TEST_F(RocksdbCrashTest, TheFolderIsMadeForItsOwnerAlone) {
  ASSERT_TRUE(RocksdbStore::Open({.path = StorePath()}, clock_));
  EXPECT_EQ(std::filesystem::status(StorePath()).permissions(), std::filesystem::perms::owner_all);
  const auto file = folder_ + "/file";
  std::ofstream(file) << "in the way";
  const auto opened = RocksdbStore::Open({.path = file + "/store"}, clock_);
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().message.starts_with("cannot make the storage folder " + file))
      << opened.error().message;
}

TEST_F(RocksdbCrashTest, NoAcknowledgedWriteIsLost) {
  std::mt19937 random(7);
  uint64_t last = 1;
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    ASSERT_NO_FATAL_FAILURE(RunChild(300 + static_cast<int>(random() % 2000)));
    const auto store = RocksdbStore::Open({.path = StorePath()}, clock_);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_GT((*store)->Current().value, last) << "revisions go on";
    last = (*store)->Current().value;
    Check(**store);
    CheckHistory(**store);
    const auto written = (*store)->Apply({.key = "/after", .value = "x"});
    ASSERT_TRUE(written);
    EXPECT_EQ(written->revision.value, last + 1);
  }
}

}  // namespace
}  // namespace skiff
