#include "apiserver/request/followed_stream.h"

namespace skiff {
namespace {

// An answer that somebody else makes: what comes of it is followed in turn.
class KeptPending final : public http::PendingResponse {
 public:
  KeptPending(std::unique_ptr<http::PendingResponse> inner, std::shared_ptr<void> place)
      : place_(std::move(place)), inner_(std::move(inner)) {}
  void Start(http::Reply reply) override {
    inner_->Start([place = place_, reply = std::move(reply)](http::Response response) {
      KeepUntilOver(place, response);
      reply(std::move(response));
    });
  }

 private:
  const std::shared_ptr<void> place_;  // Goes last.
  const std::unique_ptr<http::PendingResponse> inner_;
};

}  // namespace

void KeepUntilOver(std::shared_ptr<void> place, http::Response& response) {
  if (response.pending) {
    response.pending = std::make_unique<KeptPending>(std::move(response.pending), std::move(place));
  } else if (response.upgrade) {
    response.upgrade = std::make_unique<FollowedDuplex>(std::move(response.upgrade), [place] {});
  } else if (response.stream) {
    response.stream = std::make_unique<FollowedStream>(std::move(response.stream), [place] {});
  }
}

}  // namespace skiff
