// Handing a recipe or a picture to another page.
export function dreamWith(recipe, picture) {
  localStorage.setItem("recipe", JSON.stringify(recipe));
  location.assign(picture ? `/?picture=${picture}` : "/");
}
