#include "kubelet/streaming/system_logs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

class SystemLogsTest : public testing::Test {
 protected:
  SystemLogsTest() {
    char name[] = "/tmp/skiff-system-logs-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    root_ = name;
    fs::create_directory(root_ + "/apt");
    std::ofstream(root_ + "/apt/history.log") << "installed";
    std::ofstream(root_ + "/a<b>:c") << std::string(300'000, 'x');
  }
  ~SystemLogsTest() override { fs::remove_all(root_); }
  http::Response Get(const std::string& path) const {
    http::Request request;
    request.method = "GET";
    request.path = "/logs/" + path;
    request.target = request.path + (path.ends_with("?") ? "?a=b" : "");
    return SystemLogs(root_).Answer(request);
  }
  // The whole of a body, however it is sent; "cut" when it breaks off.
  static std::string Whole(http::Response response) {
    std::string text = response.body;
    std::vector<http::SharedBytes> chunks;
    auto pulled = response.stream ? http::Pulled::kMore : http::Pulled::kEnd;
    while (pulled == http::Pulled::kMore) pulled = response.stream->Pull(4096, chunks);
    for (const auto& chunk : chunks) text += *chunk;
    return pulled == http::Pulled::kEnd ? text : "cut";
  }

  std::string root_;
};

TEST_F(SystemLogsTest, AFolderIsAPageOfLinks) {
  const http::Response page = Get("");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(page.body,
            "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n"
            "<a href=\"./a%3Cb%3E:c\">a&lt;b&gt;:c</a>\n<a href=\"apt/\">apt/</a>\n</pre>\n");
}

TEST_F(SystemLogsTest, APageIsInTheOrderOfBareNames) {
  std::ofstream(root_ + "/apt.log") << "x";
  const std::string page = Get("").body;
  EXPECT_LT(page.find("\"apt/\""), page.find("\"apt.log\""));
}

TEST_F(SystemLogsTest, AFileIsSentAsItIs) {
  const http::Response file = Get("apt/history.log");
  EXPECT_EQ(file.Header("Content-Length"), "9");
  EXPECT_EQ(file.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(Whole(Get("apt/history.log")), "installed");
  EXPECT_EQ(Whole(Get("a<b>:c")).size(), 300'000u);
  // A log that is emptied meanwhile was not sent whole.
  http::Response cut = Get("a<b>:c");
  fs::resize_file(root_ + "/a<b>:c", 10);
  EXPECT_EQ(Whole(std::move(cut)), "cut");
}

TEST_F(SystemLogsTest, ASlashMustSayWhatItIs) {
  EXPECT_EQ(Get("apt").status, 301);
  EXPECT_EQ(Get("apt").Header("Location"), "apt/");
  EXPECT_EQ(Get("apt/history.log/").Header("Location"), "../history.log");
  EXPECT_EQ(Get("apt/index.html").Header("Location"), "./");
}

TEST_F(SystemLogsTest, NothingOutsideIsShownAndNobodyWaits) {
  EXPECT_EQ(Get("none").status, 404);
  EXPECT_EQ(Get("none").body, "404 page not found\n");
  EXPECT_EQ(Get("../../etc/passwd").status, 404);
  fs::create_symlink("/etc", root_ + "/etc");
  fs::create_symlink("../../etc/passwd", root_ + "/passwd");
  fs::create_symlink("apt/history.log", root_ + "/inside");
  EXPECT_EQ(Get("etc/passwd").status, 403);
  EXPECT_EQ(Get("passwd").status, 403);
  EXPECT_EQ(Whole(Get("inside")), "installed");
  fs::create_symlink(root_ + "/apt", root_ + "/absolute");
  fs::create_symlink(root_ + "/../../etc/passwd", root_ + "/apt/out");
  fs::create_symlink(root_ + "x/a", root_ + "/beside");
  EXPECT_EQ(Whole(Get("absolute/history.log")), "installed");
  EXPECT_EQ(Get("absolute/out").status, 403);
  EXPECT_EQ(Get("beside").status, 403);
  ASSERT_EQ(mkfifo((root_ + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(Get("fifo").status, 500);
}

}  // namespace
}  // namespace skiff::kubelet
