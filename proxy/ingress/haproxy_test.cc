#include "proxy/ingress/haproxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace skiff::ingress {
namespace {

using testing::HasSubstr;

TEST(HaproxyTest, OneThatHangsWithAFullQueueIsNotWaitedFor) {
  std::string directory = "/tmp/skiff-haproxy-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  sockaddr_un at{.sun_family = AF_UNIX};
  (directory + "/master.sock").copy(at.sun_path, sizeof at.sun_path - 1);
  const auto* address = reinterpret_cast<const sockaddr*>(&at);
  std::vector<int> files = {socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(bind(files[0], address, sizeof at), 0);
  ASSERT_EQ(listen(files[0], 0), 0);
  constexpr size_t kFilesMax = 100;
  bool has_room = true;
  while (has_room && files.size() < kFilesMax) {
    files.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    has_room = connect(files.back(), address, sizeof at) == 0;
  }
  ASSERT_FALSE(has_room);
  const auto oldest = Haproxy(directory).Oldest();
  ASSERT_FALSE(oldest);
  EXPECT_THAT(oldest.error().message, HasSubstr("/master.sock: "));
  for (const int file : files) close(file);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace skiff::ingress
