// What happens to containers, as containerd's events service tells it. containerd 1.6 has no
// GetContainerEvents, and every version since has this service.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kubelet/cri.h"

namespace skiff::cri {

// `runtime` answers at the same endpoint and outlives the subscription. One thread follows the
// stream and calls back. While containerd is away it tries again with back-off, up to a second
// apart; each time the stream is open again the subscriber gets kResync. A runtime without the
// service (CRI-O) gives kResync once a second, which is as often as a kubelet without events looks.
std::unique_ptr<Subscription> SubscribeToContainerd(const std::string& endpoint,
                                                    ContainerRuntime& runtime,
                                                    std::function<void(const Event&)> callback);

}  // namespace skiff::cri
