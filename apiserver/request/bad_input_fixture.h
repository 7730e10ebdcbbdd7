// A server, and what clients send to it that is wrong.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "apiserver/server/server_fixture.h"
#include "base/thread_stack.h"

namespace skiff {

class BadInputTest : public ServerFixture {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";
  static constexpr const char* kMergePatch = "application/merge-patch+json";
  static constexpr const char* kStrategicPatch = "application/strategic-merge-patch+json";
  static constexpr const char* kJsonPatch = "application/json-patch+json";
  static constexpr const char* kApply = "application/apply-patch+yaml";
  static constexpr const char* kProtobufMedia = "application/vnd.kubernetes.protobuf";

  Answer TooLarge(const std::string& method, const std::string& path, const std::string& type) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.body_too_large = true;  // As the front says it; the body itself is dropped.
    request.headers.emplace("Content-Type", type);
    request.headers.emplace("Authorization", "Bearer admin");
    Answer answer{0, Json(), server_->Handle(request)};
    answer.code = answer.response.status;
    answer.body = Json::parse(answer.response.body, nullptr, false);
    return answer;
  }
  // Requests are worked on by threads that have our stack; that of the tests is the system's.
  static void OnThread(const std::function<void()>& work) {
    SetThreadStacks();
    std::jthread(work).join();
  }
  static std::string Nested(size_t depth, const std::string& open, const std::string& close) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += open;
    for (size_t i = 0; i < depth; ++i) text += close;
    return text;
  }
};

}  // namespace skiff
