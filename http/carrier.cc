#include "http/carrier.h"

#include <charconv>
#include <cstdint>

#include "http/guarded_pull.h"

namespace skiff::http {

Carrier::Carrier(Channel& channel, std::shared_ptr<Wake> wake, std::unique_ptr<StreamSource> source,
                 Framing framing, size_t backlog_max)
    : channel_(channel),
      wake_(std::move(wake)),
      source_(std::move(source)),
      duplex_(nullptr),
      framing_(framing),
      backlog_max_(backlog_max),
      length_left_(framing.content_length.value_or(0)) {
  source_->Attach([wake = wake_] { wake->Notify(); });
}

Carrier::Carrier(Channel& channel, std::shared_ptr<Wake> wake, std::unique_ptr<Duplex> duplex,
                 size_t backlog_max)
    : channel_(channel),
      wake_(std::move(wake)),
      source_(std::move(duplex)),
      duplex_(static_cast<Duplex*>(source_.get())),
      backlog_max_(backlog_max) {
  source_->Attach([wake = wake_] { wake->Notify(); });
}

Carrier::State Carrier::OnWake() {
  ready_ = true;
  OfferInput();
  if (!source_->EndsByItself()) return Pump();
  // A long answer, of which a small one behind it in this round is not to wait.
  channel_.AskTurn();
  return State::kGoing;
}

Carrier::State Carrier::OnWritable() {
  return Pump();
}

Carrier::State Carrier::OnTimer() {
  ready_ = true;
  return Pump();
}

Carrier::State Carrier::OnBytes(std::string_view bytes) {
  if (unread_.empty()) bytes.remove_prefix(duplex_->OnBytes(bytes));
  unread_.append(bytes);
  channel_.WantRead(unread_.empty());
  ready_ = true;  // It may have an answer.
  return Pump();
}

Carrier::State Carrier::OnPeerClosed() {
  peer_closed_ = true;
  channel_.WantRead(false);
  OfferInput();
  ready_ = true;
  return Pump();
}

void Carrier::OfferInput() {
  if (duplex_ == nullptr) return;
  if (!unread_.empty()) {
    unread_.erase(0, duplex_->OnBytes(unread_));
    if (!unread_.empty()) return;
    unread_.shrink_to_fit();
    channel_.WantRead(!peer_closed_);
  }
  if (peer_closed_ && !told_closed_) {
    told_closed_ = true;
    duplex_->OnPeerClosed();
  }
}

Carrier::State Carrier::End() {
  if (!source_->EndsByItself()) MarkEnded();
  return Pump();
}

void Carrier::MarkEnded() {
  if (!ended_ && framing_.chunked) channel_.Send(std::string("0\r\n\r\n"));
  // Fewer bytes than were promised: only a cut connection says so.
  if (length_left_ > 0) broken_ = true;
  ended_ = true;
}

Carrier::State Carrier::Pump() {
  Pull();
  if (broken_) {
    channel_.Flush(SIZE_MAX);  // What came before the break is still good.
    channel_.MarkCut();
    return State::kBroken;
  }
  const auto io = channel_.Flush();
  if (io == Channel::Io::kError || io == Channel::Io::kEof) return State::kBroken;
  if (io == Channel::Io::kAgain) return State::kGoing;
  if (ended_) return Finish();
  if (ready_) channel_.AskTurn();
  return State::kGoing;
}

Carrier::State Carrier::Finish() {
  if (duplex_ == nullptr || told_closed_ || !duplex_->KeepsReading()) return State::kEnded;
  if (!write_closed_) channel_.CloseWrite();
  write_closed_ = true;
  return State::kGoing;
}

void Carrier::Pull() {
  std::vector<SharedBytes> pieces;
  while (ready_ && !ended_ && !broken_ && channel_.queued_bytes() < backlog_max_) {
    pieces.clear();
    const Pulled pulled =
        PullGuarded(*source_, backlog_max_ - channel_.queued_bytes(), pieces);
    SendFramed(pieces);
    switch (pulled) {
      case Pulled::kMore:
        break;
      case Pulled::kIdle:
        ready_ = false;
        break;
      case Pulled::kEnd:
        MarkEnded();
        break;
      case Pulled::kAbort:
        broken_ = true;
        break;
    }
    if (pieces.empty()) break;  // Whatever it said, others have their turn first.
  }
}

void Carrier::SendFramed(std::vector<SharedBytes>& pieces) {
  size_t bytes = 0;
  for (const auto& piece : pieces) bytes += piece ? piece->size() : 0;
  if (bytes == 0) return;
  if (framing_.content_length) {
    if (bytes > length_left_) {
      broken_ = true;
      return;
    }
    length_left_ -= bytes;
  }
  if (framing_.chunked) {
    char size[20];
    const auto [end, error] = std::to_chars(size, size + sizeof size, bytes, 16);
    channel_.Send(std::string(size, end) + "\r\n");
  }
  for (auto& piece : pieces) channel_.Send(std::move(piece));
  if (framing_.chunked) channel_.Send(std::string("\r\n"));
}

}  // namespace skiff::http
