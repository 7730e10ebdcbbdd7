// `cp` against a server whose containers have a `tar` that a test looks into.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/process.h"
#include "cli/environment.h"
#include "cli/program.h"
#include "http/server.h"
#include "http/websocket.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kSuccess[] = R"({"status":"Success"})";
constexpr char kExitOne[] = R"({"status":"Failure","reason":"NonZeroExitCode",
    "details":{"causes":[{"reason":"ExitCode","message":"1"}]}})";

// What the containers got, and what they give.
struct Container {
  Mutex mutex;
  std::string received GUARDED_BY(mutex);
  std::string unpacked_by GUARDED_BY(mutex);  // The target of that request.
  std::string archive;
  size_t part_bytes = 0;  // As much of it comes before a connection is cut; 0: all.
  std::vector<size_t> begins GUARDED_BY(mutex);  // Where those began who asked a shell for a part.
};

// `test -d`: no. `tar cf`: gives the archive, through `tail -c` the rest of it. `tar -xmf`: takes
// one.
class TarCommand final : public http::MessageHandler {
 public:
  TarCommand(Container& container, std::string target)
      : container_(container), target_(std::move(target)) {}
  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override {
    sender_ = std::move(sender);
    if (target_.find("command=test") != std::string::npos) return End(kExitOne);
    if (target_.find("command=sh&command=-c") != std::string::npos) return SendPart();
    if (target_.find("command=cf") == std::string::npos) return;
    sender_->Send("\x01" + container_.archive);
    End(kSuccess);
  }
  bool OnMessage(std::string_view data, bool /*text*/) override {
    if (data == std::string_view("\xff\0", 2)) {
      End(kSuccess);
    } else if (!data.empty() && data[0] == 0) {
      const MutexLock lock(container_.mutex);
      container_.received += data.substr(1);
      container_.unpacked_by = target_;
    }
    return true;
  }
  void OnClose(int /*code*/, std::string_view /*reason*/) override {}

 private:
  void SendPart() {
    const size_t tail = target_.find("-c%2B");
    const size_t begin =
        tail == std::string::npos ? 0 : std::stoul(target_.substr(tail + strlen("-c%2B"))) - 1;
    {
      const MutexLock lock(container_.mutex);
      container_.begins.push_back(begin);
    }
    const size_t bytes = container_.part_bytes == 0 ? std::string::npos : container_.part_bytes;
    const std::string part = container_.archive.substr(begin, bytes);
    sender_->Send("\x01" + part);
    begin + part.size() == container_.archive.size() ? End(kSuccess) : sender_->Close(1011);
  }
  void End(const char* status) {
    sender_->Send("\x03" + std::string(status));
    sender_->Close(1000);
  }
  Container& container_;
  const std::string target_;
  std::shared_ptr<http::WebSocketSender> sender_;
};

class TarServer final : public http::Handler {
 public:
  explicit TarServer(Container& container) : container_(container) {}
  http::Response Handle(const http::Request& request) override {
    if (http::IsWebSocket(request)) {
      return http::AcceptWebSocket(request, "v5.channel.k8s.io",
                                   std::make_unique<TarCommand>(container_, request.target));
    }
    http::Response response;
    response.content_type = "application/json";
    response.body = R"({"kind":"Pod","metadata":{"name":"web","namespace":"default"},
        "spec":{"containers":[{"name":"main"}]},"status":{"phase":"Running"}})";
    return response;
  }

 private:
  Container& container_;
};

class CopyTest : public testing::Test {
 protected:
  CopyTest() {
    std::string form = (fs::temp_directory_path() / "skiff-cp-XXXXXX").string();
    folder_ = mkdtemp(form.data()) ? form : "";
  }
  ~CopyTest() override { fs::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) const {
    const fs::path path = fs::path(folder_) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream in(fs::path(folder_) / name);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  // Runs `cp FROM TO`; returns its code, errors in err_.
  int Copy(const std::string& from, const std::string& to,
           const std::vector<std::string>& flags = {}) {
    TarServer handler(container_);
    http::Loops loops;
    const auto server = http::Server::Start({}, loops, handler);
    EXPECT_TRUE(server);
    const SystemClock clock;
    Mutex mutex;
    std::string output, errors;
    Environment environment{
        .out =
            [&](std::string_view text) {
              const MutexLock lock(mutex);
              output += text;
            },
        .err =
            [&](std::string_view text) {
              const MutexLock lock(mutex);
              errors += text;
            },
        .read_input = [] { return std::string(); },
        .variable = [](const std::string&) { return std::string(); },
        .connect = [](const HttpsOptions& it) { return MakeHttpsTransport(it); },
        .pause = [](Duration) {},
        .clock = clock};
    std::vector<std::string> args = flags;
    args.push_back("--server=http://127.0.0.1:" + std::to_string((*server)->port()));
    args.insert(args.end(), {from, to});
    const int code = RunCli(environment, "cp", args);
    const MutexLock lock(mutex);
    out_ = output;
    err_ = errors;
    return code;
  }

  std::string folder_;
  Container container_;
  std::string out_;
  std::string err_;
};

TEST_F(CopyTest, PacksFilesUnderTheNameThatIsAskedFor) {
  Write("a, b.txt", "hello");
  EXPECT_EQ(Copy(folder_ + "/a, b.txt", "web:/data/c&d.txt"), 0) << err_;
  const MutexLock lock(container_.mutex);
  EXPECT_NE(container_.unpacked_by.find("command=-xmf&command=-&command=-C&command=/data"),
            std::string::npos)
      << container_.unpacked_by;
  const auto listed =
      RunChecked({.argv = {"tar", "-xOf", "-", "c&d.txt"}, .stdin_text = container_.received});
  ASSERT_TRUE(listed);
  EXPECT_EQ(*listed, "hello");
}

// As kubectl: a folder of the container's keeps its mode and its owner, who may have to read it.
TEST_F(CopyTest, OfFoldersThoseArePackedThatNothingIsIn) {
  Write("site/-a", "1");
  Write("site/deep/b c.txt", "2");
  fs::create_directory(folder_ + "/site/none");
  fs::create_symlink("deep", folder_ + "/site/link");
  EXPECT_EQ(Copy(folder_ + "/site", "web:/data/html"), 0) << err_;
  const MutexLock lock(container_.mutex);
  const auto listed =
      RunChecked({.argv = {"sh", "-c", "tar -tf - | sort"}, .stdin_text = container_.received});
  ASSERT_TRUE(listed);
  EXPECT_EQ(*listed, "html/-a\nhtml/deep/b c.txt\nhtml/link\nhtml/none/\n");
}

TEST_F(CopyTest, NamesThatLookLikeFlagsAreNames) {
  Write("-x", "hello");
  EXPECT_EQ(Copy(folder_ + "/-x", "web:/data/a"), 0) << err_;
  {
    const MutexLock lock(container_.mutex);
    const auto packed =
        RunChecked({.argv = {"tar", "-xOf", "-", "a"}, .stdin_text = container_.received});
    ASSERT_TRUE(packed);
    EXPECT_EQ(*packed, "hello");
  }
  container_.archive = *RunChecked({.argv = {"tar", "-C", folder_, "-cf", "-", "--", "-x"}});
  EXPECT_EQ(Copy("web:-x", folder_ + "/y"), 0) << err_;
  EXPECT_EQ(Read("y"), "hello");
}

TEST_F(CopyTest, UnpacksOnlyWhatWasAskedFor) {
  Write("source/etc/app/one.conf", "1");
  Write("source/etc/app/deep/two.conf", "2");
  Write("source/etc/other.conf", "3");
  container_.archive = *RunChecked({.argv = {"tar", "-C", folder_ + "/source", "-cf", "-", "etc"}});
  EXPECT_EQ(Copy("web:/etc/app", folder_ + "/copied"), 0) << err_;
  EXPECT_EQ(Read("copied/one.conf"), "1");
  EXPECT_EQ(Read("copied/deep/two.conf"), "2");
  EXPECT_FALSE(fs::exists(folder_ + "/other.conf"));
  EXPECT_FALSE(fs::exists(folder_ + "/etc"));
}

// As kubectl: who copies a folder twice has one copy.
TEST_F(CopyTest, AFoldersContentGoesIntoTheFolderThatIsNamed) {
  Write("source/etc/app/one.conf", "1");
  container_.archive =
      *RunChecked({.argv = {"tar", "-C", folder_ + "/source", "-cf", "-", "etc/app"}});
  const std::string to = folder_ + "/copied";
  for (const std::string& name : {to, to, to + "/"}) {
    EXPECT_EQ(Copy("web:/etc/app", name), 0) << err_;
    EXPECT_EQ(Read("copied/one.conf"), "1");
    EXPECT_FALSE(fs::exists(to + "/app"));
    ASSERT_EQ(chmod(to.c_str(), 0700), 0);
  }
  EXPECT_EQ(Copy("web:/etc/app", to), 0) << err_;
  EXPECT_EQ(fs::status(to).permissions(), fs::perms(0700)) << "what was there stays as it was";
  container_.archive =
      *RunChecked({.argv = {"tar", "-C", folder_ + "/source", "-cf", "-", "etc/app/one.conf"}});
  EXPECT_EQ(Copy("web:/etc/app/one.conf", to + "/two.conf"), 0) << err_;
  EXPECT_EQ(Read("copied/two.conf"), "1");
  fs::remove(to + "/one.conf");
  EXPECT_EQ(Copy("web:/etc/app/one.conf", to), 0) << err_;
  EXPECT_EQ(Read("copied/one.conf"), "1") << "a file keeps its name";
}

TEST_F(CopyTest, NothingThatIsUnpackedIsSetuid) {
  Write("source/etc/app/tool", "#!/bin/sh");
  const std::string source = folder_ + "/source/etc/app";
  ASSERT_EQ(chmod((source + "/tool").c_str(), 06755), 0);
  ASSERT_EQ(chmod(source.c_str(), 07777), 0);
  container_.archive = *RunChecked({.argv = {"tar", "-C", folder_ + "/source", "-cf", "-", "etc"}});
  EXPECT_EQ(Copy("web:/etc/app", folder_ + "/copied"), 0) << err_;
  struct stat info {};
  ASSERT_EQ(stat((folder_ + "/copied/tool").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07000, 0U);
  EXPECT_EQ(info.st_mode & 0700, 0700U);
  ASSERT_EQ(stat((folder_ + "/copied").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07000, 0U);
}

// What one copy leaves behind is not where the next one writes.
TEST_F(CopyTest, NoLinkIsUnpacked) {
  Write("source/etc/app/one.conf", "1");
  fs::create_directory(folder_ + "/outside");
  fs::create_directory(folder_ + "/copied");
  const std::string link = folder_ + "/source/etc/app/link";
  fs::create_symlink(folder_ + "/outside", link);
  container_.archive = *RunChecked({.argv = {"tar", "-C", folder_ + "/source", "-cf", "-", "etc"}});
  EXPECT_EQ(Copy("web:/etc/app", folder_ + "/copied"), 0) << err_;
  EXPECT_EQ(err_, "warning: skipping symlink: \"" + folder_ + "/copied/link\" -> \"" + folder_ +
                      "/outside\" (consider using \"kubectl exec -n \"default\" \"web\" -- tar "
                      "cf - \"/etc/app\" | tar xf -\")\n");
  EXPECT_EQ(Read("copied/one.conf"), "1");
  EXPECT_FALSE(fs::is_symlink(folder_ + "/copied/link"));
  fs::remove(link);
  Write("source/etc/app/link/two.conf", "2");
  container_.archive = *RunChecked(
      {.argv = {"tar", "-C", folder_ + "/source", "-cf", "-", "etc/app/link/two.conf"}});
  EXPECT_EQ(Copy("web:/etc/app", folder_ + "/copied"), 0) << err_;
  EXPECT_EQ(Read("copied/link/two.conf"), "2");
  EXPECT_FALSE(fs::exists(folder_ + "/outside/two.conf"));
}

TEST_F(CopyTest, OfALinkAloneNothingIsCopiedAndThatIsSaid) {
  fs::create_directories(folder_ + "/source/etc");
  fs::create_symlink("one", folder_ + "/source/etc/link");
  container_.archive =
      *RunChecked({.argv = {"tar", "-C", folder_ + "/source", "-cf", "-", "etc/link"}});
  EXPECT_EQ(Copy("web:/etc/link", folder_ + "/copied"), 0) << err_;
  EXPECT_EQ(err_.find("warning: skipping symlink: \"" + folder_ + "/copied\" -> \"one\" ("), 0U)
      << err_;
  EXPECT_FALSE(fs::exists(folder_ + "/copied"));
}

// In either form in which archives have names that are longer than a header has room for.
TEST_F(CopyTest, LongNamesAndSecondNamesArrive) {
  const std::string deep =
      std::string(90, 'd') + "/" + std::string(90, 'e') + "/" + std::string(90, 'f');
  for (const char* format : {"gnu", "pax"}) {
    Write("source/etc/app/" + deep + "/one.conf", "1");
    Write("source/etc/app/two.conf", "2");
    std::error_code code;
    fs::create_hard_link(folder_ + "/source/etc/app/two.conf", folder_ + "/source/etc/app/same",
                         code);
    container_.archive =
        *RunChecked({.argv = {"tar", "-C", folder_ + "/source", std::string("--format=") + format,
                              "--sort=name", "-cf", "-", "etc"}});
    const std::string to = folder_ + "/" + format;
    EXPECT_EQ(Copy("web:/etc/app", to), 0) << err_;
    EXPECT_EQ(Read(std::string(format) + "/" + deep + "/one.conf"), "1");
    EXPECT_EQ(Read(std::string(format) + "/two.conf"), "2");
    EXPECT_EQ(Read(std::string(format) + "/same"), "2");
  }
}

TEST_F(CopyTest, ACopyThatIsCutGoesOnWhereItWas) {
  Write("source/etc/app/one.conf", std::string(3000, '1'));
  container_.archive = *RunChecked({.argv = {"tar", "-C", folder_ + "/source", "-cf", "-", "etc"}});
  ASSERT_EQ(container_.archive.size(), 10240U);
  container_.part_bytes = 4000;
  EXPECT_EQ(Copy("web:/etc/app", folder_ + "/cut", {"--retries=1"}), 0) << err_;
  EXPECT_EQ(Read("cut/one.conf"), std::string(3000, '1'));
  EXPECT_EQ(out_, "Resuming copy at 4000 bytes, retry 1/1\n");
  {
    const MutexLock lock(container_.mutex);
    EXPECT_EQ(container_.begins, (std::vector<size_t>{0, 4000}));
  }
  container_.part_bytes = 1000;
  EXPECT_EQ(Copy("web:/etc/app", folder_ + "/dropped", {"--retries=1"}), 1);
  EXPECT_EQ(out_, "Resuming copy at 1000 bytes, retry 1/1\nDropping out copy after 1 retries\n");
  EXPECT_EQ(Copy("web:/etc/app", folder_ + "/whole", {"--retries=-1"}), 0) << err_;
  EXPECT_EQ(Read("whole/one.conf"), std::string(3000, '1'));
}

TEST_F(CopyTest, WhatEndsBeforeTheArchiveIsWholeIsNoCopy) {
  Write("source/etc/app/one.conf", std::string(3000, '1'));
  const std::string whole =
      *RunChecked({.argv = {"tar", "-C", folder_ + "/source", "-cf", "-", "etc"}});
  for (const std::string& archive : {std::string("tar cf - /etc/app\n"), whole.substr(0, 2000)}) {
    container_.archive = archive;
    EXPECT_EQ(Copy("web:/etc/app", folder_ + "/got"), 1) << archive.size();
    EXPECT_EQ(out_, "Dropping out copy after 0 retries\n");
    EXPECT_EQ(err_, "error: unexpected EOF\n");
  }
}

TEST_F(CopyTest, RefusesWhatItCannotCopy) {
  EXPECT_EQ(Copy("a", "b"), 1);
  EXPECT_EQ(err_, "error: one of src or dest must be a remote file specification\n");
  EXPECT_EQ(Copy("x:a", "y:b"), 1);
  EXPECT_EQ(err_, "error: one of src or dest must be a local file specification\n");
  EXPECT_EQ(Copy("none.txt", "web:/x"), 1);
  EXPECT_EQ(err_, "error: none.txt doesn't exist in local filesystem\n");
}

}  // namespace
}  // namespace skiff::cli
