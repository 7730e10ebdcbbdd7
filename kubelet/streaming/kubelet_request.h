// What the API server asks of a kubelet, real or simulated: the words of a request, and answers
// that both give alike. Pure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "http/message.h"
#include "kubelet/cri.h"
#include "kubelet/streaming/log_file.h"

namespace skiff::kubelet {

// "/exec/ns/pod/container" -> {"exec", "ns", "pod", "container"}
std::vector<std::string> PathParts(const std::string& path);

// previous=true, previous=1
bool IsTrue(const http::Request& request, std::string_view name);
Result<LogOptions> LogOptionsOf(const http::Request& request, TimePoint now);
// The streams that exec and attach want.
cri::StreamOptions StreamsOf(const http::Request& request);
// Empty when the request names none, which NoCommand() answers.
std::vector<std::string> CommandOf(const http::Request& request);
// As a WebSocket says them, with which they are needed; SPDY's streams say them later.
Result<std::vector<int32_t>> ForwardedPortsOf(const http::Request& request);

// What 400 says of a request that wants no stream at all; nullopt: it wants one.
std::optional<http::Response> NoStreams(const http::Request& request);
bool HasContainer(const core_v1::Pod& pod, const std::string& name);

http::Response PlainAnswer(int status, std::string text);
http::Response MetricsAnswer(std::string text);
http::Response JsonAnswer(const Json& document);
http::Response NoCommand();
// Why the container has no log: it has not started, or there was none before it.
http::Response NoLog(const core_v1::Pod& pod, const std::string& container, bool previous);
http::Response PodListAnswer(const std::vector<std::shared_ptr<const core_v1::Pod>>& pods);

}  // namespace skiff::kubelet
