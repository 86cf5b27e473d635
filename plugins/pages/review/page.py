"""Review: events newest first, each with its pictures, deliveries and reasons; what people say of them is kept."""

from fastapi import APIRouter

from plugins.pages.review import acts, event, false_box, listing
from plugins.web.pages import Page

router = APIRouter()
for part in (listing.router, event.router, acts.router, false_box.router):
    router.include_router(part)

PAGE = Page(name="review", title="Review", order=20, dag_id="nightjar_live", router=router)
