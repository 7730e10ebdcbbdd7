// `drain`, and what it waits for.
#include <gmock/gmock.h>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using DrainTest = ProgramTest;

// A kubelet that is away never ends it.
TEST_F(DrainTest, APodThatHasBeenGoingForLongIsNotWaitedFor) {
  const std::string node = R"({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}})";
  const auto pods = [](const std::string& more) {
    return R"({"items": [{"metadata": {"name": "p", "namespace": "default", "uid": "u")" + more +
           R"(, "ownerReferences": [{"controller": true, "kind": "ReplicaSet"}]}, "spec": {}}]})";
  };
  server_ = [&](const http::Request& request) {
    http::Response response;
    const std::string fields(request.Query("fieldSelector").value_or(""));
    response.body = request.path.ends_with("/pods") && fields == "metadata.name=p"
                        ? pods(R"(, "deletionTimestamp": "2001-01-01T00:00:00Z")")
                    : request.path.ends_with("/pods") ? pods("")
                                                      : node;
    return response;
  };
  EXPECT_EQ(Run("drain", {"n", "--skip-wait-for-delete-timeout=1"}), 0) << err_;
  EXPECT_THAT(out_, testing::HasSubstr("evicting pod default/p\n"
                                       "pod \"p\" has DeletionTimestamp older than 1 seconds, "
                                       "skipping\nnode/n drained\n"));
}

}  // namespace
}  // namespace skiff::cli
