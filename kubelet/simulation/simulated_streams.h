// The streams of simulated containers: commands, attached terminals, forwarded ports. They speak
// the kubelet's protocols and say what they stand for.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/message.h"
#include "kubelet/cri.h"
#include "kubelet/streaming/log_followers.h"

namespace skiff::kubelet {

// Answers exec and attach, over SPDY or WebSocket: `text` comes out of stdout, and then the command
// has ended with exit code 0; where there is a `container`, when that has ended.
http::Response AnswerSimulatedCommand(const http::Request& request,
                                      const cri::StreamOptions& streams, std::string text,
                                      std::shared_ptr<FollowedContainer> container = nullptr);

// Answers a forwarded port: each connection gets what `answer` says to its first bytes, and ends.
using PortAnswer = std::function<std::string(const std::string& port, std::string_view bytes)>;
http::Response AnswerSimulatedForward(const http::Request& request, PortAnswer answer);

}  // namespace skiff::kubelet
