#include "skylift/losses/giou.h"

#include "skylift/boxes/boxes.h"

namespace skylift {

at::Tensor giou_loss(const at::Tensor& boxes_xyxy, const at::Tensor& target_xyxy) {
  return 1 - aligned_giou(boxes_xyxy, target_xyxy.detach());
}

}  // namespace skylift
