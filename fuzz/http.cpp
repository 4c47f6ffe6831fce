// `skylift serve` from the first byte of a request to the last of its reply, with a detector that finds the image's
// corner. The first byte of the input says in what pieces the rest arrives.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "skylift/serve/detect_service.h"

namespace {

skylift::DetectService make_service() {
  skylift::DetectServiceOptions options;
  options.page = "<html>";
  options.classes = {"car"};
  options.max_megapixels = 1;
  options.hosts = {"drone"};
  options.run = [](const cv::Mat& rgb, const skylift::DetectOptions&, const skylift::Stopped&) {
    return std::vector<skylift::Detection>{{{0, 0, rgb.cols / 2.0, rgb.rows / 2.0}, 0.5, 0}};
  };
  return skylift::DetectService(options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  static const DetectService service = make_service();
  if (size == 0) return 0;
  HttpRequestReader reader(1 << 16);
  std::string_view rest = text_of(data + 1, size - 1);
  while (!rest.empty() && !reader.done() && !reader.refusal()) {
    const size_t piece = std::min(rest.size(), size_t{1} + data[0]);
    reader.feed(rest.substr(0, piece));
    rest.remove_prefix(piece);
  }
  if (reader.size() > HttpRequestReader::kMostHeadBytes + (1 << 16) + 1) std::abort();
  if (reader.refusal()) return reader.refusal()->bytes().empty();
  if (!reader.done()) return 0;
  const auto at_head = service.at_head(reader.request());
  const HttpReply reply = at_head ? *at_head : service.answer(reader.request(), [] { return false; });
  if (reply.bytes().empty()) std::abort();
  return 0;
}
