"""One training step: forward, assignment, losses, backward, clipping, AdamW; under a teacher with its terms too."""
import torch

from .assign import Assignment, make_grid
from .distill import METHODS
from .losses import detection_loss


class Trainer:
    """precision: float32, or bf16 by autocast. The optimizer is torch's with its own defaults, as Skylift's recipes group it."""

    def __init__(self, student, teacher=None, method="bckd", precision="float32", channels_last=False, lr=1e-4, weight_decay=0.02,
                 clip_norm=10.0):
        self.student, self.teacher, self.method, self.clip_norm = student, teacher, method, clip_norm
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.bf16 = precision == "bf16"
        for model in (student, teacher) if teacher else (student,):
            model.to(memory_format=self.format)
        if teacher:
            teacher.eval()
        self.student.train()
        self.parameters = [p for p in student.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=lr, weight_decay=weight_decay)

    def forward(self, images):
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16):
            taught = None
            if self.teacher:
                with torch.no_grad():
                    taught = self.teacher(images)
            return self.student(images), taught

    def terms(self, batch):
        output, taught = self.forward(batch["images"].contiguous(memory_format=self.format))
        grid = make_grid([map.shape[2:] for map in output[0]], self.student.strides, batch["images"].device)
        assignment = Assignment(grid, batch, output[0][0].shape[1])
        terms, positives, weights = detection_loss(output, grid, self.student.strides, assignment)
        if taught:
            terms |= METHODS[self.method](output, taught, grid, batch, assignment, positives, weights)
        return terms

    def step(self, batch):
        """The values of the terms and the gradients' norm, as a training logs them."""
        terms = self.terms(batch)
        sum(terms.values()).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {name: float(value.detach()) for name, value in terms.items()} | {"gradient_norm": float(norm)}
