// The streams of simulated containers: commands and attached terminals. They speak the kubelet's
// protocols and say what they stand for.
#pragma once

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

}  // namespace skiff::kubelet
